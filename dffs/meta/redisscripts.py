"""The scripts that run within Redis: read through an entry, read a range, compare and commit.

KEYS are the hash of values, the sorted set of keys, the hash of counters.
"""

from __future__ import annotations

# ARGV: number of plain keys, plain keys, keys that lead to an inode.
# Answer: their values, then the records of the inodes that the latter lead to.
THROUGH = b"""
local plain, answer, leads = tonumber(ARGV[1]), {}, {}
if #ARGV > 1 then
  answer = redis.call('HMGET', KEYS[1], unpack(ARGV, 2))
end
local count = #answer
for i = plain + 1, count do
  local entry = answer[i]
  answer[count + i - plain] = entry and redis.call('HGET', KEYS[1], 'i' .. string.sub(entry, 1, 8))
end
return answer
"""

_READ_RANGE = b"""
local function range(first, last, limit, with_values)
  local keys = redis.call('ZRANGEBYLEX', KEYS[2], '[' .. first, '(' .. last, 'LIMIT', 0, limit)
  if not with_values then return keys end
  local found = {}
  for from = 1, #keys, 4000 do
    local to = math.min(from + 3999, #keys)
    local values = redis.call('HMGET', KEYS[1], unpack(keys, from, to))
    for i = from, to do
      found[2 * i - 1], found[2 * i] = keys[i], values[i - from + 1]
    end
  end
  return found
end
"""

# ARGV: start, end, limit (-1: none), 1 with values.
RANGE = (
    _READ_RANGE
    + b"""
return range(ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1')
"""
)

# ARGV: start, end, limit. Answer: key, value, and the record of the inode that the value leads to.
RANGE_THROUGH = b"""
local keys = redis.call('ZRANGEBYLEX', KEYS[2], '[' .. ARGV[1], '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])
local answer = {}
for from = 1, #keys, 2000 do
  local to = math.min(from + 1999, #keys)
  local values, leads = redis.call('HMGET', KEYS[1], unpack(keys, from, to)), {}
  for i = 1, #values do leads[i] = 'i' .. string.sub(values[i] or '', 1, 8) end
  local targets = redis.call('HMGET', KEYS[1], unpack(leads))
  for i = 1, #values do
    local at = 3 * (from + i - 2)
    answer[at + 1], answer[at + 2], answer[at + 3] = keys[from + i - 1], values[i], targets[i]
  end
end
return answer
"""

# ARGV: the lengths of six lists, then these: watched (key, "-" or "+" and value), ranges (start,
# end, limit, with values, sha1 of what was found), puts (key, value), deletes, counters (name,
# delta), appends (prefix, value). Answer: 1, or 0 when something that was read has changed.
COMMIT = (
    _READ_RANGE
    + b"""
local at = 7
local function list(n)
  local first = at
  at = at + tonumber(ARGV[n])
  return first, at - 1
end
local values, order = KEYS[1], KEYS[2]

local first, last = list(1)
for i = first, last, 2 do
  local now, seen = redis.call('HGET', values, ARGV[i]), ARGV[i + 1]
  if now then
    if '+' .. now ~= seen then return 0 end
  elseif seen ~= '-' then
    return 0
  end
end

first, last = list(2)
for i = first, last, 5 do
  local found = range(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3] == '1')
  for j = 1, #found do found[j] = #found[j] .. ':' .. found[j] end
  if redis.sha1hex(table.concat(found)) ~= ARGV[i + 4] then return 0 end
end

first, last = list(3)
for i = first, last, 2 do
  if redis.call('HSET', values, ARGV[i], ARGV[i + 1]) == 1 then
    redis.call('ZADD', order, 0, ARGV[i])
  end
end

first, last = list(4)
for i = first, last do
  if redis.call('HDEL', values, ARGV[i]) == 1 then redis.call('ZREM', order, ARGV[i]) end
end

first, last = list(5)
for i = first, last, 2 do redis.call('HINCRBY', KEYS[3], ARGV[i], ARGV[i + 1]) end

first, last = list(6)
for i = first, last, 2 do
  local number = redis.call('HINCRBY', KEYS[3], '\\0sequence', 1)
  local bytes = {}
  for j = 8, 1, -1 do
    bytes[j] = string.char(number % 256)
    number = math.floor(number / 256)
  end
  local key = ARGV[i] .. table.concat(bytes)
  redis.call('HSET', values, key, ARGV[i + 1])
  redis.call('ZADD', order, 0, key)
end
return 1
"""
)
