-- The directory of stars.

-- One job: a list of [key, incarnation, kinds, links, particles, draining, facts, point, address, door key]. The outcome: the keys that are
-- gone; if there are any, nothing was written.
create function hv.do_renew(p_jobs jsonb) returns jsonb language plpgsql
set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  v_gone jsonb;
begin
  perform 1 from hv.stars s join jsonb_array_elements(p_jobs->0) r(v) on s.key = r.v->>0
  order by s.key for no key update of s;
  select jsonb_agg(r.v->0 order by r.o) into v_gone
  from jsonb_array_elements(p_jobs->0) with ordinality r(v, o)
  where not exists (
    select 1 from hv.stars s where s.key = r.v->>0 and s.incarnation = (r.v->>1)::bigint and s.announced
  );
  if v_gone is not null then
    return jsonb_build_array(v_gone);
  end if;
  with given as materialized (
    select r.o, r.v->>0 as key, r.v->>2 as kinds, r.v->>3 as links, (r.v->>4)::bigint as particles,
           (r.v->>5)::boolean as draining, r.v->>6 as facts, r.v->>7 as point,
           r.v->>8 as address, r.v->>9 as door_key
    from jsonb_array_elements(p_jobs->0) with ordinality r(v, o)
  ),
  seen as materialized (
    select g.o, g.point from given g join hv.stars s on s.key = g.key
    where (s.kinds, s.links, s.draining, s.address, s.door_key) is distinct from
          (g.kinds, g.links, g.draining, coalesce(g.address, s.address), coalesce(g.door_key, s.door_key))
  ),
  written as (
    update hv.stars s set renewals = s.renewals + 1, kinds = g.kinds, links = g.links, particles = g.particles,
      draining = g.draining, facts = g.facts, address = coalesce(g.address, s.address),
      door_key = coalesce(g.door_key, s.door_key)
    from given g where s.key = g.key
  )
  insert into hv.changes (n, kind, point) select row_number() over (order by o), 'star', point from seen;
  return '[[]]';
end $$;

-- One job: [key, kind, machine, address, door key, kinds, links, particles, lease, draining, pid, facts, point, the
-- incarnation that the machine had last]. The outcome: the new incarnation, or [machine, lease] of the machine that holds the star.
create function hv.do_announce(p_jobs jsonb) returns jsonb language plpgsql as $$
declare
  v_job jsonb := p_jobs->0;
  v_held hv.stars;
  v_next bigint;
begin
  select * into v_held from hv.stars s where s.key = v_job->>0 for update;
  if v_held.announced and v_held.machine <> v_job->>2 then
    return jsonb_build_array(jsonb_build_array(v_held.machine, v_held.lease));
  end if;
  -- Not one that was announced already, also if this database was restored and knows nothing of it.
  v_next := greatest(v_held.incarnation, (v_job->>13)::bigint, 0) + 1;
  insert into hv.stars as s (key, announced, kind, machine, address, door_key, kinds, links, particles, incarnation,
                             renewals, lease, draining, pid, facts)
  values (v_job->>0, true, v_job->>1, v_job->>2, v_job->>3, v_job->>4, v_job->>5, v_job->>6, (v_job->>7)::bigint, v_next,
          0, (v_job->>8)::double precision, (v_job->>9)::boolean, (v_job->>10)::bigint, v_job->>11)
  on conflict (key) do update set announced = true, kind = excluded.kind, machine = excluded.machine,
    address = excluded.address, door_key = excluded.door_key, kinds = excluded.kinds, links = excluded.links,
    particles = excluded.particles, incarnation = excluded.incarnation, renewals = 0, lease = excluded.lease,
    draining = excluded.draining, pid = excluded.pid, facts = excluded.facts;
  perform hv.log_one('star', v_job->>12);
  return jsonb_build_array(v_next);
end $$;

-- One job: a list of [key, incarnation, point].
create function hv.do_withdraw(p_jobs jsonb) returns jsonb language plpgsql as $$
#variable_conflict use_column
begin
  perform 1 from hv.stars s join jsonb_array_elements(p_jobs->0) r(v) on s.key = r.v->>0
  order by s.key for no key update of s;
  with gone as (
    update hv.stars s set announced = false from jsonb_array_elements(p_jobs->0) with ordinality r(v, o)
    where s.key = r.v->>0 and s.incarnation = (r.v->>1)::bigint and s.announced
    returning r.o, r.v->>2 as point
  )
  insert into hv.changes (n, kind, point) select row_number() over (order by o), 'star', point from gone;
  return '[true]';
end $$;

-- One job: [key, incarnation, renewals, point]. The outcome: whether the star was withdrawn.
create function hv.do_expire(p_jobs jsonb) returns jsonb language plpgsql as $$
begin
  update hv.stars s set announced = false
  where s.key = p_jobs->0->>0 and s.incarnation = (p_jobs->0->>1)::bigint and s.renewals = (p_jobs->0->>2)::bigint
    and s.announced;
  if not found then
    return '[false]';
  end if;
  perform hv.log_one('star', p_jobs->0->>3);
  return '[true]';
end $$;
