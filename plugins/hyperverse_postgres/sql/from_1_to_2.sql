-- What schema 2 has and schema 1 has not.

create table hv.machine_keys (
  transport text collate "C" not null,
  key text collate "C" not null,
  machine text not null,
  admitted boolean not null,
  primary key (transport, key)
);

create table hv.invitations (
  digest text collate "C" primary key,
  expires timestamptz not null
);
