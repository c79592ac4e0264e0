-- Does       Makes a leader the only one that may write a namespace, and tells what is published there.
-- Keys       1    head       airl:{cfg:ai}:head                    hash: schema, epoch, generation, revision, next
-- Args       1    epoch      of the leader that calls
-- Returns    1    status     0 done, 1 fenced (a higher epoch is there)
--            2    schema     these five as found, before the claim; absent = nil
--            3    epoch
--            4    generation
--            5    revision
--            6    next       generation that is being written and not visible yet
-- Guarantee  "fenced" has written nothing. A head that is absent stays absent. A repeated call changes nothing.
-- Errors     Redis's own only (WRONGTYPE, OOM, READONLY, ...): then nothing is written.
local head, epoch = KEYS[1], ARGV[1]
local found = redis.call("HMGET", head, "schema", "epoch", "generation", "revision", "next")
if (tonumber(found[2]) or 0) > tonumber(epoch) then return { 1, unpack(found) } end
if redis.call("EXISTS", head) == 1 then redis.call("HSET", head, "epoch", epoch) end
return { 0, unpack(found) }
