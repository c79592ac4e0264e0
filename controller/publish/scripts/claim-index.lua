-- Does       Makes a leader the only one that may write the index of namespaces.
-- Keys       1    epoch      airl:{cfg}:epoch                      string: epoch of the leader
-- Args       1    epoch      of the new leader, from 1
-- Returns    1    status     0 done, 1 fenced (another leader has this epoch or a higher one)
--            2    found      the epoch found; 0 = none
-- Guarantee  Of several that claim one epoch, one gets it. Anything but "done" has written nothing.
-- Errors     Redis's own only (WRONGTYPE, OOM, READONLY, ...): then nothing is written.
local key, epoch = KEYS[1], tonumber(ARGV[1])
local found = tonumber(redis.call("GET", key)) or 0
if found >= epoch then return { 1, found } end
redis.call("SET", key, ARGV[1])
return { 0, found }
