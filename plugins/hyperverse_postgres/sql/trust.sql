-- Who may do what, and which machines are let in: writes that are few.

-- One job: [kind, on, to, by, query root, on point, to point, whether the grantor needs a record]. The outcome: the id, or
-- null when the grantor is missing.
create function hv.do_grant(p_jobs jsonb) returns jsonb language plpgsql as $$
declare
  v_job jsonb := p_jobs->0;
  v_id bigint;
begin
  if (v_job->>7)::boolean and not exists (select 1 from hv.particles p where p.point = v_job->>3) then
    return '[null]';
  end if;
  insert into hv.grants (kind, on_selector, to_selector, by_point, query_root, on_point, to_point)
  values (v_job->>0, v_job->>1, v_job->>2, v_job->>3, v_job->>4, v_job->>5, v_job->>6) returning id into v_id;
  perform hv.log_one('granted', v_job->>4);
  return jsonb_build_array(v_id);
end $$;

-- One job: [id]. The outcome: the grant, or null.
create function hv.do_revoke(p_jobs jsonb) returns jsonb language plpgsql as $$
declare
  v_grant hv.grants;
begin
  delete from hv.grants g where g.id = (p_jobs->0->>0)::bigint returning * into v_grant;
  if v_grant.id is null then
    return '[null]';
  end if;
  perform hv.log_one('revoked', v_grant.query_root);
  return jsonb_build_array(jsonb_build_array(v_grant.id, v_grant.kind, v_grant.on_selector, v_grant.to_selector,
                                             v_grant.by_point));
end $$;

-- One job: [digest, agent, label, scope, created, expires].
create function hv.do_token(p_jobs jsonb) returns jsonb language plpgsql as $$
declare
  v_job jsonb := p_jobs->0;
begin
  insert into hv.tokens (digest, agent, label, scope, created, expires)
  values (v_job->>0, v_job->>1, v_job->>2, v_job->>3, (v_job->>4)::double precision, (v_job->>5)::double precision)
  on conflict (digest) do update set agent = excluded.agent, label = excluded.label, scope = excluded.scope,
    created = excluded.created, expires = excluded.expires;
  perform hv.log_one('token', v_job->>1);
  return '[true]';
end $$;

-- One job: [digest]. The outcome: whether there was one.
create function hv.do_untoken(p_jobs jsonb) returns jsonb language plpgsql as $$
declare
  v_agent text;
begin
  delete from hv.tokens t where t.digest = p_jobs->0->>0 returning t.agent into v_agent;
  if v_agent is null then
    return '[false]';
  end if;
  perform hv.log_one('token', v_agent);
  return '[true]';
end $$;

-- One job: [digest of an invitation or null, point, list of [machine, transport, key, admitted]]. The outcome: whether
-- there was such an invitation.
create function hv.do_keys(p_jobs jsonb) returns jsonb language plpgsql as $$
begin
  if p_jobs->0->>0 is not null then
    delete from hv.invitations i where i.digest = p_jobs->0->>0 and i.expires > clock_timestamp();
    if not found then
      return '[false]';
    end if;
  end if;
  insert into hv.machine_keys (machine, transport, key, admitted)
  select distinct on (r.v->>1, r.v->>2) r.v->>0, r.v->>1, r.v->>2, (r.v->>3)::boolean
  from jsonb_array_elements(p_jobs->0->2) with ordinality r(v, place)
  order by r.v->>1, r.v->>2, r.place desc -- of a key that is there twice, the last one
  on conflict (transport, key) do update set machine = excluded.machine, admitted = excluded.admitted;
  perform hv.log_one('machine', p_jobs->0->>1);
  return '[true]';
end $$;

-- One job: [digest, seconds].
create function hv.do_invite(p_jobs jsonb) returns jsonb language plpgsql as $$
begin
  delete from hv.invitations i where i.expires <= clock_timestamp();
  insert into hv.invitations (digest, expires)
  values (p_jobs->0->>0, clock_timestamp() + make_interval(secs => (p_jobs->0->>1)::double precision))
  on conflict (digest) do update set expires = excluded.expires;
  return '[true]';
end $$;
