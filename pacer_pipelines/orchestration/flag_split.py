"""How the flag file's versions have split the traffic, as a plan's variants see it."""

from pacer_pipelines.adapters.flags import history_shares
from pacer_pipelines.config import World
from pacer_pipelines.plan import Plan


def flag_shares(world: World, plan: Plan) -> dict[str, float]:
    """Percent of traffic on treatment by flag version, from archive, history and live file."""
    return history_shares(world.flag_folders, plan.flag_key, plan.treatment.variant, world.settings.flag_file)


def control_shares(world: World, plan: Plan) -> dict[str, float]:
    """Percent of traffic that all treatments leave for control, by flag version; nothing unless there are several."""
    arms = [other for other in world.plans if other.logged_id == plan.logged_id]
    if plan.arms is None or len(arms) != plan.arms:
        return {}
    shares = [flag_shares(world, arm) for arm in arms]
    known = set.intersection(*map(set, shares))
    return {version: 100 - sum(each[version] for each in shares) for version in sorted(known)}
