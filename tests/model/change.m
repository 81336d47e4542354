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
  PROGRESS: true; -- false: what always holds only, which is quicker
  FAULT: 0;     -- the planted one; 0: none

type
  guardian: scalarset(PIECES);
  -- What a node keeps of an epoch: nothing, prepared, held (active or superseded).
  kept: enum { NO, PREP, HELD };
  -- The best acknowledgement a node ever signed; it stays signed whatever happens later.
  word: enum { NONE, PREPARED, COMMITTED };
  kind: enum { NODE, NEW, CARD };
  fate: enum { WELL, LIAR, DEAD };
  -- A restore request that names E, as its guardian left it.
  ask: enum { QUIET, APPROVED, VOIDED, RELEASED };
  phase: enum { IDLE, PREPARING, COMMITTING, GONE };
  -- The journal, and what the device does: it may stop and read its journal at any step.
  device: record disk: phase; does: phase end;
  seat: record
    a: kept; -- what differs most first: rumur sorts by it
    b: kept;
    e: boolean; -- its piece of E is there
    ask: ask;
    word_a: word;
    word_b: word;
    says_a: boolean; -- its guardian signed: I opened the piece, and the owner read the words
    says_b: boolean;
    retired: boolean; -- it signed, at any time, that its piece of E is gone
    fate: fate;
    kind: kind;
  end;

var
  s: array [guardian] of seat;
  da: device;
  db: device;
  third: boolean; -- B has number 3, above what some node has of A; else another number 2
  lost: 0..LOSSES;
  -- Certificates, complete once and then for ever: of machines, of people, of a restore.
  acked_a: boolean;
  acked_b: boolean;
  certified_a: boolean;
  certified_b: boolean;
  restored: boolean;

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

-- Whether enough nodes signed w or more.
function machines_a(w: word): boolean;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do
    if s[g].word_a = COMMITTED | s[g].word_a = w then n := n + 1; end;
  end;
  return spare(n);
end;

function machines_b(w: word): boolean;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do
    if s[g].word_b = COMMITTED | s[g].word_b = w then n := n + 1; end;
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

-- In E's descriptor, or, for number 3, in A's.
function people_b(): 0..PIECES;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do
    if s[g].says_b & (s[g].kind = NODE | (third & certified_a)) then
      n := n + 1;
    end;
  end;
  return n;
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

function released(): 0..PIECES;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do if s[g].ask = RELEASED then n := n + 1; end; end;
  return n;
end;

function retired(): 0..PIECES;
var n: 0..PIECES;
begin
  n := 0;
  for g: guardian do
    if s[g].kind = NODE & s[g].retired then n := n + 1; end;
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
      if certified_b & (third | !certified_a) then
        if s[g].b != HELD | s[g].a != NO | s[g].e then fine := false; end;
      elsif certified_a then
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
  return certified_a | (FAULT != 15 & exists g: guardian do
    s[g].kind != CARD & s[g].fate != DEAD &
    (s[g].a != NO | (s[g].fate = LIAR & da.disk != IDLE)) end);
end;

-- Somebody is lost for good, and without one a change cannot be proven: somebody else
-- takes that place first, which is another change.
function hopeless(): boolean;
begin
  return exists g: guardian do s[g].fate != WELL end & NEED + 1 > PIECES - 1;
end;

-- What the owner is told: so many retired that even with one gone back fewer than the
-- threshold remain. What was signed once is signed for ever, and so is this.
function dead(): boolean;
begin
  return retired() >= PIECES - NEED + 2 | (FAULT = 4 & retired() >= PIECES - NEED + 1);
end;

-- A certificate is complete for ever, and then nobody asks who gave it; an acknowledgement
-- of PREPARED counts while its device prepares. What no rule reads any more gets one
-- value, so that states that differ in nothing else are one.
procedure note();
begin
  if !acked_a & machines_a(COMMITTED) then acked_a := true; end;
  if !acked_b & machines_b(COMMITTED) then acked_b := true; end;
  if !certified_a & people_a() >= NEED then certified_a := true; end;
  if !certified_b & people_b() >= NEED then certified_b := true; end;
  if !restored & released() >= NEED then restored := true; end;
  for g: guardian do
    alias x: s[g] do
      if acked_a | (x.word_a = PREPARED & da.disk != PREPARING) then x.word_a := NONE; end;
      if acked_b | (x.word_b = PREPARED & db.disk != PREPARING) then x.word_b := NONE; end;
      if certified_a then x.says_a := false; end;
      if certified_b then x.says_b := false; end;
      if restored & x.ask = RELEASED then x.ask := QUIET; end;
    end;
  end;
  if da.disk = PREPARING & machines_a(PREPARED) then
    for g: guardian do if s[g].word_a = NONE then s[g].word_a := PREPARED; end; end;
  end;
  if db.disk = PREPARING & machines_b(PREPARED) then
    for g: guardian do if s[g].word_b = NONE then s[g].word_b := PREPARED; end; end;
  end;
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
    s[g].retired := false;
    s[g].ask := QUIET;
  end;
  da.disk := IDLE;
  da.does := IDLE;
  db.disk := IDLE;
  db.does := IDLE;
  third := false;
  lost := 0;
  acked_a := false;
  acked_b := false;
  certified_a := false;
  certified_b := false;
  restored := false;
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
  note();
end;

-- Planted: written afterwards, or never, when it stops before.
rule "A: writes its journal late"
  FAULT = 11 & da.disk = PREPARING & da.does = COMMITTING
==> begin
  da.disk := COMMITTING;
  note();
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
  note();
end;

rule "A: the device is gone"
  SECOND & da.disk != IDLE & da.disk != GONE
==> begin
  da.disk := GONE;
  da.does := GONE;
  note();
end;

-- Whoever has A may be away, and then nobody knows of it.
rule "B: the journal says PREPARING"
  SECOND & db.disk = IDLE & (!RESTORE | restored)
==> begin
  db.disk := PREPARING;
  db.does := PREPARING;
end;

rule "B: the journal says PREPARING, above A"
  SECOND & db.disk = IDLE & (!RESTORE | restored) & seen_a()
==> begin
  db.disk := PREPARING;
  db.does := PREPARING;
  third := true;
end;

-- Where too little of E is left, the restore was one of A, whose people say yes as E's do.
rule "B: restored from A"
  SECOND & db.disk = IDLE & RESTORE & certified_a & have_a() >= NEED
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
    if s[g].fate = LIAR then s[g].word_b := COMMITTED; end;
  end;
  acked_b := false;
  note();
end;

rule "B: the journal says COMMITTING"
  db.disk = PREPARING & machines_b(PREPARED)
==> begin
  db.disk := COMMITTING;
  db.does := COMMITTING;
  note();
end;

-- ---- messages; one that is lost, late or unanswered is a rule not taken ----

ruleset g: guardian do
alias x: s[g] do

-- NEXT and PREPARE: a number above the active one, or what a certificate proves; one
-- prepared at a time. Planted: the next number only.
rule "A: PREPARE"
  (da.does = PREPARING | da.does = COMMITTING) & x.kind != CARD & x.fate = WELL & x.a = NO &
  (x.b = NO | (x.b = PREP & FAULT = 10) |
   (FAULT = 12 & x.b = HELD & !third & certified_a))
==> begin
  x.a := PREP;
  if x.word_a = NONE then x.word_a := PREPARED; end;
  note();
end;

rule "B: PREPARE"
  (db.does = PREPARING | db.does = COMMITTING) & x.kind != CARD & x.fate = WELL & x.b = NO &
  (x.a != PREP | FAULT = 10) &
  (x.a != HELD | third | (FAULT = 12 & certified_b)) &
  (!third | x.a = HELD | FAULT != 15 | certified_a)
==> begin
  x.b := PREP;
  if x.word_b = NONE then x.word_b := PREPARED; end;
  note();
end;

-- COMMIT by the device that dealt it, or by anybody who shows the certificate.
rule "A: COMMIT"
  (da.does = COMMITTING | certified_a) & x.fate = WELL & x.a = PREP
==> begin
  x.a := HELD;
  if !third & x.b = HELD then x.b := NO; end;
  x.word_a := COMMITTED;
  if FAULT = 2 then x.e := false; end;
  if FAULT = 7 & x.ask = APPROVED then x.ask := VOIDED; end;
  note();
end;

rule "B: COMMIT"
  (db.does = COMMITTING | certified_b) & x.fate = WELL & x.b = PREP
==> begin
  x.b := HELD;
  if !third & x.a = HELD then x.a := NO; end;
  x.word_b := COMMITTED;
  if FAULT = 2 then x.e := false; end;
  if FAULT = 7 & x.ask = APPROVED then x.ask := VOIDED; end;
  note();
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
  note();
end;

rule "B: a card"
  x.kind = CARD & x.b = NO & (db.does = PREPARING | db.does = COMMITTING)
==> begin
  x.b := HELD;
  x.word_b := COMMITTED;
  note();
end;

-- CONFIRM: the guardian's client opened the piece, the owner read the words.
rule "A: CONFIRM"
  x.kind != CARD & x.fate = WELL & x.a = HELD & !x.says_a & !certified_a
==> begin
  x.says_a := true;
  note();
end;

rule "B: CONFIRM"
  x.kind != CARD & x.fate = WELL & x.b = HELD & !x.says_b & !certified_b
==> begin
  x.says_b := true;
  note();
end;

-- RETIRE: by whoever has the certificates. One's own piece goes with fewer words when 30
-- days passed since COMMIT.
rule "A: RETIRE"
  x.kind != CARD & x.fate = WELL & x.a = HELD & x.e &
  acked_a &
  (certified_a | (x.says_a & people_a() >= 2) | FAULT = 5) &
  (x.ask != APPROVED | FAULT = 9)
==> begin
  x.e := false;
  if !third & x.b != NO then x.b := NO; end;
  x.retired := true;
end;

rule "B: RETIRE"
  x.kind != CARD & x.fate = WELL & x.b = HELD & (x.e | x.a != NO) &
  acked_b &
  (certified_b | (x.says_b & people_b() >= 2) | FAULT = 5) &
  (x.ask != APPROVED | FAULT = 9)
==> begin
  x.e := false;
  x.a := NO;
  x.retired := true;
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
  note();
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
  x.a := NO;
  x.b := NO;
  if x.ask = APPROVED then x.ask := QUIET; end;
end;

-- It signs whatever is wanted and keeps nothing; its old piece it never gives up. It does
-- so from the beginning: its words are only ever wanted for something to go on.
rule "a guardian lies"
  lost < LOSSES & x.fate = WELL & x.kind != CARD & da.disk = IDLE & db.disk = IDLE &
  x.ask = QUIET
==> begin
  lost := lost + 1;
  x.fate := LIAR;
  x.word_a := COMMITTED;
  x.word_b := COMMITTED;
  x.retired := true;
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

-- ---- what always holds ----

invariant "some epoch is recoverable"
  have_e() >= NEED | have_a() >= NEED | have_b() >= NEED;

invariant "one successor"
  !(certified_a & acked_a & certified_b & acked_b &
    !third);

-- A liar, or a node that went back, can make two of them; then neither retires E.
invariant "one is confirmed while nobody lies or forgets"
  lost > 0 | !(certified_a & certified_b & !third);

invariant "a dead epoch cannot come back"
  dead() -> exists_e() < NEED;

invariant "only proven destruction"
  forall g: guardian do
    (s[g].kind = NODE & s[g].fate = WELL & !s[g].e) ->
      (acked_a & (certified_a | people_a() >= 2)) |
      (acked_b & (certified_b | people_b() >= 2))
  end;

invariant "a yes stands until it is fetched or taken back"
  forall g: guardian do
    s[g].ask != VOIDED & (s[g].ask = APPROVED -> s[g].e)
  end;

-- ---- and what stays possible: from every state there is a way ----

liveness "the newest confirmed epoch is everywhere active, and nothing older is kept"
  !PROGRESS | hopeless() | crossed() | settled();
