-- SPDX-License-Identifier: Apache-2.0
-- A new root: somebody has R and signs like the owner; the guardians' people give the
-- circle back by MOVE. README.md says what is modelled and what is not. tests/model/run
-- sets the constants.

const
  PIECES: 3;   -- n
  NEED: 2;     -- k
  FOOLED: 1;   -- guardians who say yes to whatever the thief asks, again and again
  LOSSES: 0;   -- nodes that die
  HIS: false;  -- he asks for a MOVE, too
  EPOCHS: true; -- he makes epochs
  FAULT: 0;    -- the planted one; 0: none

type
  guardian: scalarset(PIECES);
  -- Of an epoch: nothing, prepared, held, and its guardian signed that he opened it.
  kept: enum { NO, PREP, HELD, SAID };
  -- A request: of the owner for his root and a MOVE, of the thief for a MOVE of his own.
  ask: enum { QUIET, APPROVED, STOPPED, RELEASED, VOIDED };
  -- From the valid MOVE on a node takes nothing from old keys.
  root: enum { OLD, NEW, THIEFS };
  seat: record
    n: kept;    -- of the owner's under the new root
    mine: ask;
    root: root;
    t: boolean; -- of the thief's, active: garbage, threshold 2, or another root
    e: boolean; -- the piece of the owner's confirmed circle
    his: ask;
    gone: boolean;
    fool: boolean;
  end;

var
  s: array [guardian] of seat;
  lost: 0..LOSSES;
  -- Complete once and then for ever: the owner's statements for his MOVE; of his next
  -- epoch the acknowledgements of PREPARED and of COMMITTED, and the people's.
  moved: boolean;
  ready: boolean;
  acked: boolean;
  certified: boolean;
  acked_t: 0..3;     -- acknowledgements of the thief's epoch ever signed; 3 are enough
  said_t: 0..FOOLED; -- people whom he fools and who signed: I opened my piece
  late: boolean; -- an old key changed something where the new root was known

-- ---- counting ----

function held(k: kept): boolean;
begin
  return k = HELD | k = SAID;
end;

function have_e(): 0..PIECES;
var i: 0..PIECES;
begin
  i := 0;
  for g: guardian do if s[g].e then i := i + 1; end; end;
  return i;
end;

function have_n(): 0..PIECES;
var i: 0..PIECES;
begin
  i := 0;
  for g: guardian do if held(s[g].n) & !s[g].gone then i := i + 1; end; end;
  return i;
end;

function spare(i: 0..PIECES): boolean;
begin
  return i >= NEED + 1 | i = PIECES;
end;

function machines_n(least: kept): boolean;
var i: 0..PIECES;
begin
  i := 0;
  for g: guardian do
    if held(s[g].n) | s[g].n = least then i := i + 1; end;
  end;
  return spare(i);
end;

function people_n(): 0..PIECES;
var i: 0..PIECES;
begin
  i := 0;
  for g: guardian do if s[g].n = SAID then i := i + 1; end; end;
  return i;
end;

-- Statements that left their node.
function mine_out(): 0..PIECES;
var i: 0..PIECES;
begin
  i := 0;
  for g: guardian do if s[g].mine = RELEASED then i := i + 1; end; end;
  return i;
end;

-- Planted: a statement counts though the request was stopped.
function his_out(): 0..PIECES;
var i: 0..PIECES;
begin
  i := 0;
  for g: guardian do
    if s[g].his = RELEASED | (FAULT = 8 & s[g].his = STOPPED) then i := i + 1; end;
  end;
  return i;
end;

-- Who gave what is complete nobody asks any more, and what no rule reads any more gets
-- one value, so that states that differ in nothing else are one.
procedure note();
begin
  if !moved & mine_out() >= NEED then moved := true; end;
  if !ready & machines_n(PREP) then ready := true; end;
  if !acked & machines_n(HELD) then acked := true; end;
  if !certified & people_n() >= NEED then certified := true; end;
  for g: guardian do
    alias x: s[g] do
      if moved & x.mine = RELEASED then x.mine := QUIET; end;
      if ready & x.n = PREP then x.n := NO; end;
      if certified & x.n = SAID then x.n := HELD; end;
    end;
  end;
end;

-- What old keys may still change.
function open(r: root): boolean;
begin
  return r = OLD | (FAULT = 13 & r != THIEFS);
end;

-- ---- the beginning ----

startstate
var left: 0..PIECES;
begin
  left := FOOLED;
  for g: guardian do
    s[g].fool := left > 0;
    if left > 0 then left := left - 1; end;
    s[g].gone := false;
    s[g].e := true;
    s[g].t := false;
    s[g].n := NO;
    s[g].mine := QUIET;
    s[g].his := QUIET;
    s[g].root := OLD;
  end;
  lost := 0;
  moved := false;
  ready := false;
  acked := false;
  certified := false;
  acked_t := 0;
  said_t := 0;
  late := false;
end;

ruleset g: guardian do
alias x: s[g] do

-- ---- the thief, with all keys that come of R ----

-- Its descriptor may say threshold 2. Whom he fools opens the piece, which may well be
-- one, and signs; nobody else does.
rule "thief: PREPARE and COMMIT"
  EPOCHS & open(x.root) & !x.gone & !x.t
==> begin
  x.t := true;
  if acked_t < 3 then acked_t := acked_t + 1; end;
  if x.fool & said_t < FOOLED then said_t := said_t + 1; end;
  if x.root != OLD then late := true; end;
  if FAULT = 7 & x.mine = APPROVED then x.mine := VOIDED; end;
end;

-- People by E's descriptor; or one's own guardian and one more after 30 days.
-- Planted: machines are enough; or the descriptor of his own epoch judges the next one.
rule "thief: RETIRE"
  open(x.root) & !x.gone & x.e & x.t & acked_t = 3 &
  (said_t >= NEED | (x.fool & said_t >= 2) | FAULT = 5 | FAULT = 6) &
  (x.mine != APPROVED | FAULT = 9)
==> begin
  x.e := false;
end;

-- WARD_END: one's own guardian's word is enough for one's own seat.
rule "thief: END"
  open(x.root) & !x.gone & x.fool & x.e & (x.mine != APPROVED | FAULT = 9)
==> begin
  x.e := false;
end;

-- Whoever has a device may stop a request, which its guardian then approves anew; or it
-- is never fetched and ends. Stops are bounded at each node.
rule "thief: STOP"
  x.mine = APPROVED
==> begin
  x.mine := QUIET;
end;

rule "thief: asks for a MOVE, and everybody believes him"
  HIS & x.root = OLD & !x.gone & x.his = QUIET
==> begin
  x.his := APPROVED;
end;

-- Whoever watches stops it before its hold is over.
rule "owner: STOP"
  x.his = APPROVED
==> begin
  x.his := STOPPED;
end;

-- After a stop only the fooled say yes again; what is released gives their piece, too.
rule "thief: released despite the stop"
  x.his = STOPPED & x.fool & !x.gone
==> begin
  x.his := RELEASED;
end;

rule "thief: MOVE"
  x.root = OLD & !x.gone & (his_out() >= NEED | (FAULT = 14 & x.t))
==> begin
  x.root := THIEFS;
end;

-- ---- the owner ----

rule "owner: a guardian says yes, despite a stop, too"
  x.root = OLD & !x.gone & x.e & x.mine = QUIET
==> begin
  x.mine := APPROVED;
end;

rule "owner: released"
  !x.gone & x.mine = APPROVED
==> begin
  x.mine := RELEASED;
  note();
end;

-- A prepared epoch goes at once; what else was never confirmed after the dual time, and
-- until then nothing here reads it.
rule "owner: MOVE"
  moved & x.root = OLD & !x.gone & x.mine != APPROVED
==> begin
  x.root := NEW;
  x.t := false;
  x.mine := QUIET;
  if x.his != RELEASED then x.his := QUIET; end;
end;

rule "owner: PREPARE"
  x.root = NEW & !x.gone & x.n = NO & !ready
==> begin
  x.n := PREP;
  note();
end;

-- Once the owner's client commits, what a node only prepared nobody sees.
rule "owner: COMMIT"
  x.root = NEW & !x.gone & x.n = NO & ready
==> begin
  x.n := HELD;
  note();
end;

rule "owner: CONFIRM"
  !x.gone & x.n = HELD & !certified
==> begin
  x.n := SAID;
  note();
end;

rule "owner: RETIRE"
  held(x.n) & !x.gone & x.e & acked & certified
==> begin
  x.e := false;
end;

rule "a guardian is gone"
  lost < LOSSES & !x.gone
==> begin
  lost := lost + 1;
  x.gone := true;
  x.e := false;
  x.t := false;
  if x.mine = APPROVED then x.mine := QUIET; end;
end;

end; -- alias
end;

-- ---- what always holds ----

invariant "the owner's root is recoverable"
  have_e() >= NEED | have_n() >= NEED;

invariant "a thief never gets the circle"
  forall g: guardian do s[g].root != THIEFS end;

invariant "a thief never gets enough"
  his_out() < NEED | FAULT = 8;

invariant "after a MOVE old keys change nothing"
  !late;

invariant "a yes stands"
  forall g: guardian do
    s[g].mine != VOIDED & (s[g].mine = APPROVED -> s[g].e)
  end;

-- ---- and what stays possible, whatever the thief did ----

liveness "the circle is the owner's again, and nothing else is kept"
  lost > 0 & NEED + 1 > PIECES - 1 |
  forall g: guardian do
    s[g].gone |
    (s[g].root = NEW & held(s[g].n) & !s[g].e & !s[g].t)
  end;
