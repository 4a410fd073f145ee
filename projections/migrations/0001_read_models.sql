-- One schema for SQLite and PostgreSQL: TEXT, BIGINT and INTEGER alone. Ids are base32 text, times are Unix
-- milliseconds, flags are 0 or 1, what is nested is JSON text. Everything here is a fold of the log: it is
-- dropped and rebuilt, never migrated by hand and never backed up.

CREATE TABLE checkpoint (
    name TEXT PRIMARY KEY,
    log_id TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    seq BIGINT NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    -- Personal, both; NULL once erased. What is searched has its ASCII letters in lower case.
    username TEXT,
    search TEXT,
    state TEXT NOT NULL,
    -- What state a suspended user resumes to.
    provisioned INTEGER NOT NULL,
    policies TEXT NOT NULL,
    gateways TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_login_at BIGINT,
    seq BIGINT NOT NULL
);
CREATE INDEX users_by_age ON users (created_at, id);
CREATE INDEX users_by_state ON users (state, created_at, id);

CREATE TABLE user_steps (
    user_id TEXT NOT NULL,
    step TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    attempt BIGINT NOT NULL,
    -- 0 once its gateway was taken away; the row stays, so that no two tries share an attempt.
    assigned INTEGER NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, step)
);

CREATE TABLE devices (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    state TEXT NOT NULL,
    protection TEXT,
    offered_at BIGINT NOT NULL,
    enrolled_at BIGINT,
    reported_at BIGINT,
    -- What the last report was judged as.
    verdict TEXT
);
CREATE INDEX devices_by_user ON devices (user_id, offered_at, id);

CREATE TABLE policies (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    document TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX policies_by_name ON policies (name, id);

CREATE TABLE gateways (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    health TEXT,
    invited_at BIGINT NOT NULL,
    enrolled_at BIGINT,
    started_at BIGINT
);
CREATE INDEX gateways_by_name ON gateways (name, id);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    correlation TEXT NOT NULL,
    user_id TEXT NOT NULL,
    gateway_id TEXT,
    policy_id TEXT NOT NULL,
    policy_version BIGINT NOT NULL,
    state TEXT NOT NULL,
    active INTEGER NOT NULL,
    address TEXT,
    resources TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    connected_at BIGINT,
    ends_at BIGINT,
    ends_because TEXT,
    end_reason TEXT,
    ended_at BIGINT,
    receipts TEXT NOT NULL,
    receipts_overdue INTEGER NOT NULL,
    verdict TEXT,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL
);
CREATE INDEX sessions_by_age ON sessions (opened_at, id);
CREATE INDEX sessions_active ON sessions (active, opened_at, id);
CREATE INDEX sessions_by_user ON sessions (user_id, opened_at, id);
CREATE INDEX sessions_by_gateway ON sessions (gateway_id, opened_at, id);
CREATE INDEX sessions_by_policy ON sessions (policy_id, opened_at, id);

CREATE TABLE operators (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    state TEXT NOT NULL,
    invited_at BIGINT NOT NULL,
    signed_in_at BIGINT
);
CREATE INDEX operators_by_name ON operators (name, id);

CREATE TABLE audit (
    seq BIGINT NOT NULL,
    n BIGINT NOT NULL,
    at BIGINT NOT NULL,
    correlation TEXT NOT NULL,
    actor TEXT NOT NULL,
    kind TEXT NOT NULL,
    user_id TEXT,
    session_id TEXT,
    -- 1: shown inside a composite row (a user's provisioning steps), not in the list.
    part INTEGER NOT NULL,
    summary TEXT NOT NULL,
    -- Neither personal nor secret, and no address or port of a resource.
    details TEXT NOT NULL,
    PRIMARY KEY (seq, n)
);
CREATE INDEX audit_by_user ON audit (user_id, seq, n);
CREATE INDEX audit_by_session ON audit (session_id, seq, n);
CREATE INDEX audit_by_correlation ON audit (correlation, seq, n);
CREATE INDEX audit_by_kind ON audit (kind, seq, n);

CREATE TABLE alerts (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    raised_seq BIGINT NOT NULL,
    raised_at BIGINT NOT NULL,
    resolved_at BIGINT,
    summary TEXT NOT NULL,
    PRIMARY KEY (kind, subject)
);

-- What the live feed reads: which rows a decision has changed, and what it is worth a word for. Bounded: a feed
-- that is further behind takes a new snapshot.
CREATE TABLE changes (
    seq BIGINT NOT NULL,
    topic TEXT NOT NULL,
    row_id TEXT NOT NULL,
    PRIMARY KEY (seq, topic, row_id)
);
