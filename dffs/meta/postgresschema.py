"""The tables and the one function of the PostgreSQL engine."""

from __future__ import annotations

# A counter is spread over rows, one for each connection of a client, so that two that add do not
# meet.
TABLES = """
CREATE TABLE IF NOT EXISTS {kv} (k bytea PRIMARY KEY, v bytea NOT NULL);
CREATE TABLE IF NOT EXISTS {counters} (
    k bytea, shard int, n bigint NOT NULL, PRIMARY KEY (k, shard)
)
"""

FUNCTION = """
CREATE OR REPLACE FUNCTION {commit}(
    watched bytea[] DEFAULT '{{}}', seen bytea[] DEFAULT '{{}}',
    starts bytea[] DEFAULT '{{}}', ends bytea[] DEFAULT '{{}}', limits bigint[] DEFAULT '{{}}',
    keys_only bool[] DEFAULT '{{}}', digests text[] DEFAULT '{{}}',
    put_keys bytea[] DEFAULT '{{}}', put_values bytea[] DEFAULT '{{}}',
    deletes bytea[] DEFAULT '{{}}',
    add_keys bytea[] DEFAULT '{{}}', add_deltas bigint[] DEFAULT '{{}}',
    append_prefixes bytea[] DEFAULT '{{}}', append_values bytea[] DEFAULT '{{}}',
    shard_number int DEFAULT 0
) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
    digest text;
    number bigint;
BEGIN
    IF EXISTS (
        SELECT FROM unnest(watched, seen) AS w(key, value)
        WHERE (SELECT v FROM {kv} WHERE k = w.key) IS DISTINCT FROM w.value
    ) THEN
        RETURN false;
    END IF;
    FOR i IN 1 .. cardinality(starts) LOOP
        SELECT md5(coalesce(string_agg(
            int4send(length(k)) || k || CASE WHEN keys_only[i] THEN ''::bytea
                ELSE int4send(length(v)) || v END, ''::bytea ORDER BY k), ''::bytea))
        INTO digest
        FROM (SELECT k, v FROM {kv} WHERE k >= starts[i] AND k < ends[i]
              ORDER BY k LIMIT limits[i]) AS found;
        IF digest <> digests[i] THEN
            RETURN false;
        END IF;
    END LOOP;
    IF cardinality(put_keys) > 0 THEN
        INSERT INTO {kv} SELECT * FROM unnest(put_keys, put_values)
            ON CONFLICT (k) DO UPDATE SET v = excluded.v;
    END IF;
    IF cardinality(deletes) > 0 THEN
        DELETE FROM {kv} WHERE k = ANY(deletes);
    END IF;
    IF cardinality(add_keys) > 0 THEN
        INSERT INTO {counters} AS c
            SELECT a.key, shard_number, a.delta FROM unnest(add_keys, add_deltas) AS a(key, delta)
            ON CONFLICT (k, shard) DO UPDATE SET n = c.n + excluded.n;
    END IF;
    FOR i IN 1 .. cardinality(append_prefixes) LOOP
        INSERT INTO {counters} AS c VALUES ('\\x00'::bytea || 'sequence'::bytea, 0, 1)
            ON CONFLICT (k, shard) DO UPDATE SET n = c.n + 1 RETURNING n INTO number;
        INSERT INTO {kv} VALUES (append_prefixes[i] || int8send(number), append_values[i]);
    END LOOP;
    RETURN true;
END
$$
"""
