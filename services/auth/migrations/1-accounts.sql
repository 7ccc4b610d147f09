create table accounts (
  id uuid primary key,
  email citext not null constraint accounts_email_key unique check (char_length(email) between 3 and 254),
  name text not null check (char_length(name) between 1 and 120),
  role text not null check (role in ('customer', 'driver', 'ops')),
  password_hash text not null check (password_hash like '$argon2id$%'),
  -- The bound of the address book: one statement takes a place here and inserts the address.
  address_count integer not null default 0 check (address_count between 0 and 50),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- A session is a family of refresh tokens, each the successor of the one before.
create table sessions (
  id uuid primary key,
  account_id uuid not null references accounts on delete cascade,
  user_agent text check (char_length(user_agent) <= 200),
  created_at timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  -- When the newest refresh token expires.
  expires_at timestamptz not null,
  ended_at timestamptz,
  end_reason text check (end_reason in ('logout', 'removed', 'token_reused', 'password_changed')),
  check ((ended_at is null) = (end_reason is null))
);

create index sessions_account on sessions (account_id, id);
create index sessions_expiry on sessions (expires_at);

-- Only the SHA-256 of a token is kept: it has 256 random bits, so that nothing slower is needed.
create table refresh_tokens (
  hash bytea primary key check (octet_length(hash) = 32),
  session_id uuid not null references sessions on delete cascade,
  issued_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz
);

-- However many refreshes race, a session never has two tokens that work.
create unique index refresh_tokens_current on refresh_tokens (session_id) where used_at is null;
create index refresh_tokens_session on refresh_tokens (session_id);
create index refresh_tokens_expiry on refresh_tokens (expires_at);

create table addresses (
  id uuid primary key,
  account_id uuid not null references accounts on delete cascade,
  recipient text not null,
  line1 text not null,
  line2 text,
  city text not null,
  region text not null,
  postal_code text not null,
  latitude double precision not null check (latitude between -90 and 90),
  longitude double precision not null check (longitude between -180 and 180),
  instructions text,
  created_at timestamptz not null default now()
);

create index addresses_account on addresses (account_id, id);

create table signing_keys (
  kid text primary key,
  public_jwk jsonb not null,
  -- AES-256-GCM under a key derived from SIGNING_KEY_SECRET; gone as soon as the key no longer signs.
  private_key bytea,
  state text not null check (state in ('next', 'active', 'retired')),
  created_at timestamptz not null default now(),
  activated_at timestamptz,
  retired_at timestamptz,
  check ((state = 'next') = (activated_at is null)),
  check ((state = 'retired') = (retired_at is not null)),
  check ((state = 'retired') = (private_key is null))
);

create unique index signing_keys_one_active on signing_keys (state) where state = 'active';
create unique index signing_keys_one_next on signing_keys (state) where state = 'next';
