"""Mistakes in how a round is played: order, look-ahead, averages, optimisers."""

from mutants.mutant import IGNORED, SIGN, Mutant, test

PLAYERS, STEP = "genlab/game/players.py", "genlab/game/step.py"
DYNAMICS = "genlab/game/dynamics.py"
OPTIM = "genlab/game/optim.py"
OF_GAME, OF_DYNAMICS, OF_OPTIM = "test_game.py", "test_dynamics.py", "test_optim.py"

PLAY = (
    Mutant(
        "order of play",
        "simultaneous instead of alternating",
        PLAYERS,
        "beside: bool = False",
        "beside: bool = True",
        test(
            OF_DYNAMICS,
            "alternating_is_the_default_and_turns_by_a_matrix_of_determinant_one",
        ),
    ),
    Mutant(
        "simultaneous",
        "alternating instead of simultaneous",
        DYNAMICS,
        "player._replace(beside=name != first)",
        "player._replace(beside=False)",
        test(OF_DYNAMICS, "at_once_both_move_from_the_same_point_and_spiral_out"),
    ),
    Mutant(
        "unrolled",
        "look-ahead not differentiated through",
        DYNAMICS,
        "Ahead((opponent,), steps, through=True)",
        "Ahead((opponent,), steps, through=False)",
        test(OF_DYNAMICS, "unrolled_differentiates_through_the_opponents_optimiser"),
    ),
    Mutant(
        "unrolled",
        "look-ahead kept",
        STEP,
        "return ({**params, **moved}, stats, after), seen",
        "point = look_ahead(players[turn[0]].ahead, players, optim, params, stats, opt, batch, "
        "here, state.step)\n"
        "            return ({**params, **moved, **{n: p for n, p in point.items()\n"
        "                    if n not in players[turn[0]].owns}}, stats, after), seen",
        test(OF_DYNAMICS, "unrolling_keeps_nothing_of_what_it_foresaw"),
    ),
    Mutant(
        "unrolled",
        "one step whatever the number",
        STEP,
        "for _ in range(ahead.steps):",
        "for _ in range(min(ahead.steps, 1)):",
        test(OF_DYNAMICS, "unrolled_differentiates_through_the_opponents_optimiser"),
    ),
    Mutant(
        "unrolled",
        "the opponent's optimiser starts anew",
        STEP,
        "point, opt = params, collectives.whole(dict(opt)) if ahead.steps else dict(opt)\n",
        "point, opt = params, {n: optim[n].init(_only(params, players[n].owns)) for n in opt}\n",
        test(OF_DYNAMICS, "unrolling_goes_on_from_the_opponents_optimiser_as_it_stands"),
    ),
    Mutant(
        "extragradient",
        "differentiated through the look-ahead",
        STEP,
        "if ahead.through or not ahead.steps:",
        "if True:",
        test(OF_DYNAMICS, "extragradient_spirals_in"),
    ),
    Mutant(
        "extragradient",
        "look-ahead kept",
        STEP,
        "after = optax.apply_updates(owned, updates), {**new_stats, **others}, new_opt",
        "owned = _only(look_ahead(player.ahead, players, optim, params, stats, opt, batch, key, "
        "step), owned)\n"
        "    after = optax.apply_updates(owned, updates), {**new_stats, **others}, new_opt",
        test(OF_DYNAMICS, "extragradient_spirals_in"),
    ),
    Mutant(
        "consensus",
        "missing half",
        DYNAMICS,
        "return squares / 2",
        "return squares",
        test(OF_DYNAMICS, "consensus_descends_half_the_squared_norm_of_all_gradients"),
    ),
    Mutant(
        "consensus",
        "gradients of the first player alone",
        DYNAMICS,
        "for player in players.values():\n                owned = {name: params",
        "for player in list(players.values())[:1]:\n                owned = {name: params",
        test(OF_DYNAMICS, "consensus_descends_half_the_squared_norm_of_all_gradients"),
    ),
    Mutant(
        "consensus",
        IGNORED,
        DYNAMICS,
        'total(terms, {"consensus": weight}, step)',
        "total(terms, {}, step)",
        test(OF_DYNAMICS, "consensus_descends_half_the_squared_norm_of_all_gradients"),
    ),
    Mutant(
        "balanced",
        SIGN,
        DYNAMICS,
        "return metrics[metric] >= least",
        "return metrics[metric] < least",
        test(OF_DYNAMICS, "a_player_that_is_ahead_holds_still"),
    ),
    Mutant(
        "moving average",
        "decay of the other part",
        STEP,
        "return decay * average + (1 - decay) * latest",
        "return (1 - decay) * average + decay * latest",
        test(OF_GAME, "moving_averages_follow_their_own_networks_and_their_statistics"),
    ),
    Mutant(
        "weight clipping",
        "the update clipped instead of the weight",
        OPTIM,
        "return jnp.clip(old + update, -bound, bound) - old",
        "return jnp.clip(update, -bound, bound)",
        test(OF_OPTIM, "clipped_weights_lie_in_their_box"),
    ),
    Mutant(
        "historical averaging",
        "missing factor 2 of the square's gradient",
        OPTIM,
        "pull, n = 2 * at(weight, state.count), state.count + 1",
        "pull, n = at(weight, state.count), state.count + 1",
        test(OF_OPTIM, "historical_averaging_is_the_gradient_of_its_penalty"),
    ),
    Mutant(
        "a rate that is 0 too early",
        "one move a round for every player",
        "genlab/train/rates.py",
        "moves = player.moves * experiment.loop.steps",
        "moves = experiment.loop.steps",
        test(OF_OPTIM, "a_rate_that_is_0_long_before_the_end_is_said"),
    ),
)
