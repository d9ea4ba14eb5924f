"""Ready-made queries over the views of engine.stats. Pure data; the console pane cycles through them."""

from __future__ import annotations

EXAMPLES: tuple[str, ...] = (
    """\
-- The last 20 updates of the newest run
SELECT step,
    max(value) FILTER (metric = 'rollout/ep_rew_mean') AS reward,
    max(value) FILTER (metric = 'rollout/ep_len_mean') AS length,
    max(value) FILTER (metric = 'train/approx_kl') AS approx_kl,
    max(value) FILTER (metric = 'time/fps') AS steps_per_second
FROM metrics
WHERE run_id = (SELECT run_id FROM runs ORDER BY created DESC LIMIT 1)
GROUP BY seq, step
ORDER BY seq DESC
LIMIT 20""",
    """\
-- The best runs by their last 100 episodes
SELECT run_id, avg(reward) AS avg_reward, avg(length) AS avg_length, count(*) AS episodes
FROM (
    SELECT *, row_number() OVER (PARTITION BY run_id ORDER BY seq DESC) AS age
    FROM episodes
)
WHERE age <= 100
GROUP BY run_id
ORDER BY avg_reward DESC""",
    """\
-- Average reward by policy
SELECT policy_name, avg(value) AS avg_reward, count(*) AS samples
FROM agent_metrics
WHERE metric = 'reward'
GROUP BY policy_name
ORDER BY avg_reward DESC""",
    """\
-- How long episodes last, and how they end
SELECT run_id, ended, count(*) AS episodes, min(length) AS shortest, median(length) AS middle, max(length) AS longest
FROM episodes
GROUP BY run_id, ended
ORDER BY run_id, episodes DESC""",
)
