-- SPDX-License-Identifier: Apache-2.0
-- A change of the circle: epoch E becomes A (by one device of the owner) or B (by another
-- device, or by the one a restore made). README.md says what is modelled and what is not.
-- tests/model/run sets the constants.

const
  PIECES: 3;    -- n
  NEED: 2;      -- k
  CARDS: 0;     -- of the pieces, on paper
  FRESH: 0;     -- of them, new guardians in the place of somebody who died
  LOSSES: 1;    -- a node that dies, goes back to a backup, or lies: so many in all
  SECOND: true; -- the owner's other device takes part
  RESTORE: false; -- it exists only once a restore made it
  FAULT: 0;     -- the planted one; 0: none

type
  guardian: scalarset(PIECES);
  -- What a node keeps of an epoch: nothing, prepared, held (active or superseded).
  kept: enum { NO, PREP, HELD };
  -- The best acknowledgement a node ever signed; it stays signed whatever happens later.
  word: enum { NONE, PREPARED, COMMITTED, RETIRED };
  kind: enum { NODE, NEW, CARD };
  fate: enum { WELL, LIAR, DEAD };
  -- A restore request that names E, as its guardian left it.
  ask: enum { QUIET, APPROVED, VOIDED, RELEASED };
  phase: enum { IDLE, PREPARING, COMMITTING, GONE };
  -- The journal, and what the device does: it may stop and read its journal at any step.
  device: record disk: phase; does: phase end;
  seat: record
    kind: kind;
    fate: fate;
    e: boolean; -- its piece of E is there
    a: kept;
    b: kept;
    word_a: word;
    word_b: word;
    says_a: boolean; -- its guardian signed: I opened the piece, and the owner read the words
    says_b: boolean;
    ask: ask;
  end;

var
  s: array [guardian] of seat;
  da: device;
  db: device;
  third: boolean; -- B has number 3, above what some node has of A; else another number 2
  lost: 0..LOSSES;
  dead: boolean;  -- the owner was told that E is dead

-- ---- counting: as cert_enough and cert_spare do ----

function holds(x: fate; k: kept): boolean;
begin
  return x = WELL & k = HELD;
end;

function have_e(): 0..PIECES;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do if s[g].fate = WELL & s[g].e then n := n + 1; end; end;
  return n;
end;

function have_a(): 0..PIECES;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do if holds(s[g].fate, s[g].a) then n := n + 1; end; end;
  return n;
end;

function have_b(): 0..PIECES;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do if holds(s[g].fate, s[g].b) then n := n + 1; end; end;
  return n;
end;

-- The threshold with one to spare, or all.
function spare(n: 0..PIECES): boolean;
begin
  return n >= NEED + 1 | n = PIECES | (FAULT = 1 & n >= NEED);
end;

function machines_a(w: word): boolean;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do
    if s[g].word_a = COMMITTED | s[g].word_a = RETIRED | s[g].word_a = w then
      n := n + 1;
    end;
  end;
  return spare(n);
end;

function machines_b(w: word): boolean;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do
    if s[g].word_b = COMMITTED | s[g].word_b = RETIRED | s[g].word_b = w then
      n := n + 1;
    end;
  end;
  return spare(n);
end;

-- People whose approval keys stand in E's descriptor.
function people_a(): 0..PIECES;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do if s[g].says_a & s[g].kind = NODE then n := n + 1; end; end;
  return n;
end;

function certified_a(): boolean;
begin
  return people_a() >= NEED;
end;

-- In E's descriptor, or, for number 3, in A's.
function people_b(): 0..PIECES;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do
    if s[g].says_b & (s[g].kind = NODE | (third & certified_a())) then
      n := n + 1;
    end;
  end;
  return n;
end;

function certified_b(): boolean;
begin
  return people_b() >= NEED;
end;

function committed_a(): boolean;
begin
  return exists g: guardian do s[g].a = HELD & s[g].kind != CARD end;
end;

-- Two devices committed different epochs of one number: the next change stands above both.
function crossed(): boolean;
begin
  return !third & committed_a() & exists g: guardian do s[g].b = HELD end;
end;

function restored(): boolean;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do if s[g].ask = RELEASED then n := n + 1; end; end;
  return n >= NEED;
end;

function retired(): 0..PIECES;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do
    if s[g].kind = NODE & (s[g].word_a = RETIRED | s[g].word_b = RETIRED) then
      n := n + 1;
    end;
  end;
  return n;
end;

-- Wherever they are: in a dead guardian's drawer, on an old card, in a liar's hands.
function exists_e(): 0..PIECES;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do if s[g].e | s[g].kind = NEW then n := n + 1; end; end;
  return n;
end;

-- Whether all who can answer hold the newest confirmed epoch and nothing else.
function settled(): boolean;
var fine: boolean;
begin
  fine := true;
  for g: guardian do
    if s[g].fate = WELL & s[g].ask = APPROVED then fine := false; end;
    if s[g].fate = WELL & s[g].kind != CARD then
      if certified_b() & (third | !certified_a()) then
        if s[g].b != HELD | s[g].a != NO | s[g].e then fine := false; end;
      elsif certified_a() then
        if s[g].a != HELD | s[g].b != NO | s[g].e then fine := false; end;
      else
        if s[g].a != NO | s[g].b != NO | (s[g].kind = NODE & !s[g].e) then
          fine := false;
        end;
      end;
    end;
  end;
  return fine;
end;

-- Some node showed B's device something of A. Planted: of what is confirmed only.
function seen_a(): boolean;
begin
  return certified_a() | (FAULT != 15 & exists g: guardian do
    s[g].kind != CARD & s[g].fate != DEAD & s[g].a != NO end);
end;

-- Somebody is lost for good, and without one a change cannot be proven: somebody else
-- takes that place first, which is another change.
function hopeless(): boolean;
begin
  return exists g: guardian do s[g].fate != WELL end & NEED + 1 > PIECES - 1;
end;

-- ---- the beginning ----

startstate
var left: 0..PIECES;
begin
  left := CARDS + FRESH;
  for g: guardian do
    s[g].kind := NODE;
    s[g].e := true;
    if left > FRESH then
      s[g].kind := CARD;
      left := left - 1;
    elsif left > 0 then
      s[g].kind := NEW;
      s[g].e := false;
      left := left - 1;
    end;
    s[g].fate := WELL;
    s[g].a := NO;
    s[g].b := NO;
    s[g].word_a := NONE;
    s[g].word_b := NONE;
    s[g].says_a := false;
    s[g].says_b := false;
    s[g].ask := QUIET;
  end;
  da.disk := IDLE;
  da.does := IDLE;
  db.disk := IDLE;
  db.does := IDLE;
  third := false;
  lost := 0;
  dead := false;
end;

-- ---- the devices ----

-- A phase is in the journal before its first message goes (client/ceremony_seal).
rule "A: the journal says PREPARING"
  da.disk = IDLE
==> begin
  da.disk := PREPARING;
  da.does := PREPARING;
end;

rule "A: the journal says COMMITTING"
  da.does = PREPARING & machines_a(PREPARED)
==> begin
  if FAULT != 11 then da.disk := COMMITTING; end;
  da.does := COMMITTING;
end;

-- Planted: written afterwards, or never, when it stops before.
rule "A: writes its journal late"
  FAULT = 11 & da.disk = PREPARING & da.does = COMMITTING
==> begin
  da.disk := COMMITTING;
end;

rule "A: stops, and resumes by its journal"
  da.does != da.disk
==> begin
  da.does := da.disk;
end;

-- It gives up before COMMITTING only; nodes forget what is prepared.
rule "A: gives up"
  !SECOND & da.disk = PREPARING & da.does = PREPARING
==> begin
  da.disk := GONE;
  da.does := GONE;
end;

rule "A: the device is gone"
  SECOND & da.disk != IDLE & da.disk != GONE
==> begin
  da.disk := GONE;
  da.does := GONE;
end;

-- Whoever has A may be away, and then nobody knows of it.
rule "B: the journal says PREPARING"
  SECOND & db.disk = IDLE & (!RESTORE | restored())
==> begin
  db.disk := PREPARING;
  db.does := PREPARING;
end;

rule "B: the journal says PREPARING, above A"
  SECOND & db.disk = IDLE & (!RESTORE | restored()) & seen_a()
==> begin
  db.disk := PREPARING;
  db.does := PREPARING;
  third := true;
end;

-- What B dealt so far nobody will want; a new number, a new manifest.
rule "B: begins again, above A"
  db.disk = PREPARING & !third & seen_a()
==> begin
  third := true;
  for g: guardian do
    s[g].b := NO;
    s[g].word_b := NONE;
    if s[g].fate = LIAR then s[g].word_b := RETIRED; end;
  end;
end;

rule "B: the journal says COMMITTING"
  db.disk = PREPARING & machines_b(PREPARED)
==> begin
  db.disk := COMMITTING;
  db.does := COMMITTING;
end;

-- ---- messages; one that is lost, late or unanswered is a rule not taken ----

ruleset g: guardian do
alias x: s[g] do

-- NEXT and PREPARE: a number above the active one, or what a certificate proves; one
-- prepared at a time. Planted: the next number only.
rule "A: PREPARE"
  (da.does = PREPARING | da.does = COMMITTING) & x.kind != CARD & x.fate = WELL & x.a = NO &
  (x.b = NO | (x.b = PREP & FAULT = 10) |
   (FAULT = 12 & x.b = HELD & !third & certified_a()))
==> begin
  x.a := PREP;
  if x.word_a = NONE then x.word_a := PREPARED; end;
end;

rule "B: PREPARE"
  (db.does = PREPARING | db.does = COMMITTING) & x.kind != CARD & x.fate = WELL & x.b = NO &
  (x.a != PREP | FAULT = 10) &
  (x.a != HELD | third | (FAULT = 12 & certified_b())) &
  (!third | x.a = HELD | FAULT != 15 | certified_a())
==> begin
  x.b := PREP;
  if x.word_b = NONE then x.word_b := PREPARED; end;
end;

-- COMMIT by the device that dealt it, or by anybody who shows the certificate.
rule "A: COMMIT"
  (da.does = COMMITTING | certified_a()) & x.fate = WELL & x.a = PREP
==> begin
  x.a := HELD;
  if !third & x.b = HELD then x.b := NO; end;
  if x.word_a != RETIRED then x.word_a := COMMITTED; end;
  if FAULT = 2 then x.e := false; end;
  if FAULT = 7 & x.ask = APPROVED then x.ask := VOIDED; end;
end;

rule "B: COMMIT"
  (db.does = COMMITTING | certified_b()) & x.fate = WELL & x.b = PREP
==> begin
  x.b := HELD;
  if !third & x.a = HELD then x.a := NO; end;
  if x.word_b != RETIRED then x.word_b := COMMITTED; end;
  if FAULT = 2 then x.e := false; end;
  if FAULT = 7 & x.ask = APPROVED then x.ask := VOIDED; end;
end;

-- ABORT, by any device, or 30 days: a prepared epoch only.
rule "A: ABORT"
  x.fate = WELL & (x.a = PREP | (FAULT = 3 & x.a = HELD & db.does = PREPARING))
==> begin
  x.a := NO;
end;

rule "B: ABORT"
  x.fate = WELL & x.b = PREP
==> begin
  x.b := NO;
end;

-- A card is printed, and counts once it was read back.
rule "A: a card"
  x.kind = CARD & x.a = NO & (da.does = PREPARING | da.does = COMMITTING)
==> begin
  x.a := HELD;
  x.word_a := COMMITTED;
end;

rule "B: a card"
  x.kind = CARD & x.b = NO & (db.does = PREPARING | db.does = COMMITTING)
==> begin
  x.b := HELD;
  x.word_b := COMMITTED;
end;

-- CONFIRM: the guardian's client opened the piece, the owner read the words.
rule "A: CONFIRM"
  x.kind != CARD & x.fate = WELL & x.a = HELD & !x.says_a
==> begin
  x.says_a := true;
end;

rule "B: CONFIRM"
  x.kind != CARD & x.fate = WELL & x.b = HELD & !x.says_b
==> begin
  x.says_b := true;
end;

-- RETIRE: by whoever has the certificates. One's own piece goes with fewer words when 30
-- days passed since COMMIT.
rule "A: RETIRE"
  x.kind != CARD & x.fate = WELL & x.a = HELD & x.e &
  machines_a(COMMITTED) &
  (certified_a() | (x.says_a & people_a() >= 2) | FAULT = 5) &
  (x.ask != APPROVED | FAULT = 9)
==> begin
  x.e := false;
  if !third & x.b != NO then x.b := NO; end;
  x.word_a := RETIRED;
end;

rule "B: RETIRE"
  x.kind != CARD & x.fate = WELL & x.b = HELD & (x.e | x.a != NO) &
  machines_b(COMMITTED) &
  (certified_b() | (x.says_b & people_b() >= 2) | FAULT = 5) &
  (x.ask != APPROVED | FAULT = 9)
==> begin
  x.e := false;
  x.a := NO;
  x.word_b := RETIRED;
end;

-- ---- a restore of E in the middle ----

rule "restore: a guardian says yes"
  RESTORE & x.kind != CARD & x.fate = WELL & x.e & x.ask = QUIET
==> begin
  x.ask := APPROVED;
end;

rule "restore: its hold is over and it is fetched"
  x.fate = WELL & x.ask = APPROVED
==> begin
  x.ask := RELEASED;
end;

rule "restore: refused or never fetched"
  x.fate = WELL & x.ask = APPROVED
==> begin
  x.ask := QUIET;
end;

-- ---- what may go wrong, LOSSES times ----

rule "a guardian is gone"
  lost < LOSSES & x.fate = WELL
==> begin
  lost := lost + 1;
  x.fate := DEAD;
end;

-- It signs whatever is wanted and keeps nothing; its old piece it never gives up.
rule "a guardian lies"
  lost < LOSSES & x.fate = WELL & x.kind != CARD & x.word_a = NONE & x.word_b = NONE
==> begin
  lost := lost + 1;
  x.fate := LIAR;
  x.word_a := RETIRED;
  x.word_b := RETIRED;
  x.says_a := true;
  x.says_b := true;
end;

-- To whatever it held before.
ruleset a: kept; b: kept do
rule "a node goes back to a backup"
  lost < LOSSES & x.fate = WELL & x.kind != CARD &
  (x.a != NO | x.b != NO) & !(a = PREP & b = PREP) & !(a = HELD & b != NO & !third) &
  (a = NO | x.a = HELD | a = x.a) & (b = NO | x.b = HELD | b = x.b)
==> begin
  lost := lost + 1;
  x.e := x.kind = NODE;
  x.a := a;
  x.b := b;
  x.ask := QUIET;
end;
end;

end; -- alias
end;

-- ---- what the owner is told ----

-- So many retired that even with one gone back fewer than the threshold remain.
rule "E is dead"
  !dead & retired() >= PIECES - NEED + 2
==> begin
  dead := true;
end;

rule "E is dead, said too early"
  FAULT = 4 & !dead & retired() >= PIECES - NEED + 1
==> begin
  dead := true;
end;

-- ---- what always holds ----

invariant "some epoch is recoverable"
  have_e() >= NEED | have_a() >= NEED | have_b() >= NEED;

invariant "one successor"
  !(certified_a() & machines_a(COMMITTED) & certified_b() & machines_b(COMMITTED) &
    !third);

-- A liar, or a node that went back, can make two of them; then neither retires E.
invariant "one is confirmed while nobody lies or forgets"
  lost > 0 | !(certified_a() & certified_b() & !third);

invariant "a dead epoch cannot come back"
  dead -> exists_e() < NEED;

invariant "only proven destruction"
  forall g: guardian do
    (s[g].kind = NODE & s[g].fate = WELL & !s[g].e) ->
      (machines_a(COMMITTED) & people_a() >= 2) | (machines_b(COMMITTED) & people_b() >= 2)
  end;

invariant "a yes stands until it is fetched or taken back"
  forall g: guardian do
    s[g].ask != VOIDED & (s[g].ask = APPROVED -> s[g].e)
  end;

-- ---- and what stays possible: from every state there is a way ----

liveness "the newest confirmed epoch is everywhere active, and nothing older is kept"
  hopeless() | crossed() | settled();
