-- The tables of a registry. `hv.` stands for the schema that the settings name.
--
-- A point is kept as its text, and texts compare by bytes (COLLATE "C"), whatever the collation of the database is. The
-- columns `route` and `depth` (number of segments) stand beside it, so that a subtree is a range of texts on one route,
-- and the children of a point are that range at one depth: no statement walks the tree.
--
-- Each index of `particles` costs a tenth of a registration and of an assignment, so `id` has none: nothing is looked up by
-- it. (A registry that was made by schema 6 or earlier has one, and a foreign key from `states`. They do no harm; to drop
-- them would lock the tables against the machines that run.)

create table hv.meta (
  key text primary key,
  value text not null
);

create table hv.particles (
  id bigint generated always as identity,
  point text collate "C" primary key,
  route text collate "C" not null,
  depth integer not null,
  kind text not null,
  owner text not null,
  status text not null,
  properties text,
  sequence bigint not null default 0,
  star text collate "C",
  incarnation bigint,
  epoch bigint not null default 0
);
create index particles_at_depth on hv.particles (route, depth, point);
create index particles_hosted on hv.particles (star, point) where star is not null;

-- Each assignment takes the next number. So the epochs of one point grow for ever, also when it is deleted and
-- registered again.
create sequence hv.epochs as bigint;

-- A table of its own, so that a scan of records does not read states. Without a foreign key: to check it took half the
-- time of a save, which holds the row of its particle anyway. hv.do_delete deletes a state with its particle.
create table hv.states (
  id bigint primary key,
  state bytea not null
);

-- The row stays when a star is withdrawn, because the star's next incarnation must be a greater one.
create table hv.stars (
  key text collate "C" primary key,
  announced boolean not null,
  kind text not null,
  machine text not null,
  address text not null,
  door_key text not null,
  kinds text not null,
  links text not null,
  particles bigint not null,
  incarnation bigint not null,
  renewals bigint not null,
  lease double precision not null,
  draining boolean not null,
  pid bigint not null,
  facts text not null
) with (fillfactor = 50);

create table hv.grants (
  id bigint generated always as identity primary key,
  kind text not null,
  on_selector text not null,
  to_selector text not null,
  by_point text collate "C" not null,
  query_root text collate "C" not null,
  on_point text collate "C",
  to_point text collate "C"
);
create index grants_query_root on hv.grants (query_root);
create index grants_by_point on hv.grants (by_point);
create index grants_on_point on hv.grants (on_point);
create index grants_to_point on hv.grants (to_point);

create table hv.tokens (
  digest text collate "C" primary key,
  agent text collate "C" not null,
  label text not null,
  scope text not null,
  created double precision not null,
  expires double precision
);
create index tokens_agent on hv.tokens (agent);

-- The feed, in the order of (xid, n). Entries are read below the oldest running transaction, so that none is committed
-- later in front of one that was read already. Writers take locks for their points before they get a transaction id, so
-- that the ids follow the order of the commits for each point.
create table hv.changes (
  xid xid8 not null default pg_current_xact_id(),
  n bigint not null,
  kind text not null,
  point text not null,
  epoch bigint not null default 0,
  primary key (xid, n)
);

-- One row: the last entry of the feed that was removed.
create table hv.pruned (
  one boolean primary key default true check (one),
  xid xid8 not null default '0',
  n bigint not null default 0
);
insert into hv.pruned default values;

-- The last group of writes of each open registry, with its outcome. A registry whose connection broke asks here whether
-- the group was committed.
create table hv.writers (
  id uuid primary key,
  number bigint not null,
  outcome jsonb,
  seen timestamptz not null default now()
) with (fillfactor = 50);

create type hv.feed_answer as (
  lost boolean, waits boolean, newest bigint, newest_n bigint,
  xids bigint[], ns bigint[], kinds text[], points text[], epochs bigint[]
);
