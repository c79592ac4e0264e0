-- Does       Writes objects of a generation that was begun and is not visible yet.
-- Keys       1    head       airl:{cfg:ai}:head                    hash: schema, epoch, generation, revision, next
--            2    objects    airl:{cfg:ai}:5f3a90c1d2e4b786:objects   hash: field -> entry
-- Args       1    epoch      of the leader that calls
--            2    begun      generation that is being written
--            3..  per object field, entry
-- Returns    1    status     0 done, 1 fenced (a higher epoch is there), 2 behind (another generation is being written)
--            2    schema     these five as found; absent = nil
--            3    epoch
--            4    generation
--            5    revision
--            6    next
-- Guarantee  Anything but "done" has written nothing. A repeated call changes nothing.
-- Errors     Redis's own only (WRONGTYPE, OOM, READONLY, ...): then nothing is written.
local head, objects, epoch, begun = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local found = redis.call("HMGET", head, "schema", "epoch", "generation", "revision", "next")
if (tonumber(found[2]) or 0) > tonumber(epoch) then return { 1, unpack(found) } end
if found[5] ~= begun then return { 2, unpack(found) } end
redis.call("HSET", objects, unpack(ARGV, 3))
return { 0, unpack(found) }
