-- The tables behind the views: filled from the runs' logs by ingest.py, in memory, never saved.
-- Runs and names are numbers here: a million rows with their words spelled out would not fit beside a trainer.
CREATE SCHEMA log;

CREATE TABLE log.runs (
    run         INTEGER,    -- number of the run in this session, key of all tables below
    run_id      VARCHAR,
    recipe      VARCHAR,
    game        VARCHAR,
    map         VARCHAR,
    created     TIMESTAMP,  -- UTC
    status      VARCHAR,
    step        BIGINT,     -- agent steps
    total_steps BIGINT,
    seed        BIGINT,
    sps         DOUBLE,     -- agent steps per second
    elapsed     DOUBLE,     -- seconds of training
    message     VARCHAR,
    problem     VARCHAR     -- what is wrong with the run's files, NULL where nothing is
);

CREATE TABLE log.names (name_index INTEGER, name VARCHAR);

CREATE TABLE log.metrics (
    run     INTEGER,
    attempt INTEGER,
    seq     BIGINT,
    step    BIGINT,
    time    DOUBLE,         -- seconds since 1970
    name    INTEGER,
    value   DOUBLE          -- NULL where the run had no finite number
);

CREATE TABLE log.episodes (
    run      INTEGER,
    attempt  INTEGER,
    seq      BIGINT,
    step     BIGINT,
    time     DOUBLE,
    env      INTEGER,
    agent    INTEGER,
    group_id INTEGER,
    episode  BIGINT,
    length   BIGINT,        -- steps
    reward   DOUBLE,        -- undiscounted sum
    ended    VARCHAR        -- terminated or truncated
);

CREATE TABLE log.agent_values (
    run     INTEGER,
    attempt INTEGER,
    step    BIGINT,
    episode BIGINT,
    env     INTEGER,
    agent   INTEGER,
    name    INTEGER,
    value   DOUBLE
);

CREATE TABLE log.events (
    run     INTEGER,
    attempt INTEGER,
    seq     BIGINT,
    step    BIGINT,
    time    DOUBLE,
    kind    VARCHAR,        -- state, command, checkpoint, warning or error
    message VARCHAR,
    data    VARCHAR         -- JSON
);
