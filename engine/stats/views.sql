-- What a person queries. Names that SQL reserves (end, group) are spelled so that nobody has to quote them.
CREATE VIEW runs AS
SELECT run_id, recipe, game, map, created, status, step, total_steps, seed, sps, elapsed, message, problem
FROM log.runs;

CREATE VIEW metrics AS
SELECT runs.run_id, logged.seq, logged.step, logged.time, names.name AS metric, logged.value
FROM log.metrics AS logged
JOIN log.runs AS runs ON runs.run = logged.run
JOIN log.names AS names ON names.name_index = logged.name;

-- Agents of a rollout are driven by the policy in training, which goes by the run's name.
CREATE VIEW episodes AS
SELECT runs.run_id, logged.seq, logged.step, logged.time, logged.env, logged.agent, runs.run_id AS policy_name,
       logged.group_id, logged.episode, logged.length, logged.reward, logged.ended
FROM log.episodes AS logged
JOIN log.runs AS runs ON runs.run = logged.run;

CREATE VIEW agent_metrics AS
SELECT runs.run_id AS policy_name, runs.run_id, logged.episode, logged.env, logged.agent, names.name AS metric,
       logged.value, logged.step
FROM log.agent_values AS logged
JOIN log.runs AS runs ON runs.run = logged.run
JOIN log.names AS names ON names.name_index = logged.name;

CREATE VIEW events AS
SELECT runs.run_id, logged.seq, logged.step, logged.time, logged.kind, logged.message, logged.data
FROM log.events AS logged
JOIN log.runs AS runs ON runs.run = logged.run;
