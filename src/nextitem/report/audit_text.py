"""The audit in words: the sentences and tables that the HTML, the Markdown and the terminal share."""

from __future__ import annotations

from nextitem.analysis.audit import Audit
from nextitem.analysis.verdict import Estimate
from nextitem.models.own import label
from nextitem.report.page import Table

SAID = {
    "shuffle": "all but the last item in random order",
    "shuffle-all": "all items in random order",
    "reverse": "newest first",
    "swap-last": "the newest two swapped",
    "drop-last": "without the last item",
    "only-last": "the last item alone, model trained on whole histories",
}


def headline(audit: Audit) -> str:
    name, verdict = audit.data["name"], audit.verdict
    if verdict.name == "no gain":
        return f"{name}: no gain shown"
    sure = "sure" if verdict.is_sure else f"not sure: {verdict.sureness:.0%} of bootstrap samples agree"
    return f"{name}: {verdict.name} ({sure})"


def sentences(audit: Audit) -> list[str]:
    verdict, model = audit.verdict, label(audit.recipe["model"]["name"])
    gain = f"{model} gains {estimate(verdict.gain)} {audit.main} over Popularity."
    if verdict.name == "no gain":
        return [gain, "The shares of that gain are undefined.", verdict.advice, *_doubts(audit)]
    return [
        gain,
        f"Order information: {estimate(verdict.order_information)} of that gain is lost when all items but the last "
        "are shuffled.",
        f"Recency information: {estimate(verdict.recency_information)} is lost when the last item is shuffled too.",
        f"Last-item share: {estimate(verdict.last_item_share)} of the gain is there when the model knows the last item "
        "alone.",
        verdict.advice,
        *_doubts(audit),
    ]


def protocol(audit: Audit) -> list[str]:
    count = len(audit.seeds)
    seeds = ", ".join(f"{value:.4f}" for value in audit.seeds)
    times = f"{count} seed{'s' if count > 1 else ''}"
    return [
        f"{audit.protocol}; leave-one-out; {times} ({audit.main} of the full model: {seeds}).",
        "Intervals: 95 %, over users (bootstrap of ratios, paired t of differences); without the noise of seeds.",
        *audit.notes,
    ]


def _doubts(audit: Audit) -> list[str]:
    """What counting knows and the model does not: a model that learned too little hides what is there."""
    nothing, last, two = (audit.ngrams[name].held_out for name in ("nothing", "the last item", "the last two items"))
    found = []
    if audit.verdict.name == "no gain" and min(last, two) < nothing - 0.5:
        found.append("Doubt: counting predicts the next item from the last ones, and the model does not: train longer.")
    if audit.metrics["MarkovChain"][audit.main] > audit.metrics["full"][audit.main]:
        found.append("Doubt: MarkovChain is better than the model; what the model does not know, it cannot lose.")
    if (epochs := audit.recipe["training"]["epochs"]) <= 8:
        found.append(f"Doubt: {epochs} epochs at the most; a model that is trained longer may make more of order.")
    return found


def tables(audit: Audit) -> list[Table]:
    found = [_data_table(audit), _ngram_table(audit), _trial_table(audit), _perturbation_table(audit)]
    if audit.attention:
        found.append(_attention_table(audit))
    return found


def estimate(found: Estimate) -> str:
    if found.value is None:
        return "undefined"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def _data_table(audit: Audit) -> Table:
    statistics = audit.statistics
    shares = {
        "interactions with an item that the user has met before": statistics.repeats,
        "targets that followed the last item in training": statistics.followed,
        "targets that training never holds": statistics.never_trained,
        "neighbours with equal timestamps": statistics.ties,
        "targets that the order of ties decides": statistics.tied_targets,
        "popularity drift, older to newer half": statistics.drift,
        "neighbours that share an attribute": statistics.runs,
        "the same in shuffled rows": statistics.runs_shuffled,
    }
    rows = [[name, f"{value:.1%}"] for name, value in shares.items() if value is not None]
    missing = "" if statistics.ties is not None else "The log has no timestamps: ties and drift cannot be seen."
    return Table("The log", ["share", ""], rows, missing)


def _ngram_table(audit: Audit) -> Table:
    rows = [
        [name, f"{one.held_out:.2f}", f"{one.plug_in:.2f}", f"{one.known:.1%}"] for name, one in audit.ngrams.items()
    ]
    return Table(
        "What counting predicts, in bits",
        ["given", "held out", "plug-in", "contexts met"],
        rows,
        "Interpolated Witten-Bell. Held-out cross-entropy of the test targets is the honest number; plug-in entropy is "
        "biased far down where contexts are rare.",
    )


def _trial_table(audit: Audit) -> Table:
    names = list(audit.perturbed["test"])
    rows = [[name, *(f"{values[one]:.4f}" for one in names)] for name, values in audit.metrics.items()]
    return Table("Models", ["", *names], rows, "Means over seeds; blocks see the last item alone.")


def _perturbation_table(audit: Audit) -> Table:
    rows = []
    for name, values in audit.perturbed.items():
        cells = [f"{values[one]:.4f}" for one in values]
        if name == "test":
            rows.append(["true histories", *cells, ""])
            continue
        found = audit.differences[name]
        p = "p < 0.0001" if found.p_value < 1e-4 else f"p = {found.p_value:.4f}"
        rows.append(
            [f"{name}: {SAID[name]}", *cells, f"{found.difference:+.4f} ({found.low:+.4f} to {found.high:+.4f}), {p}"]
        )
    return Table(
        "The full model on perturbed test histories",
        ["", *audit.perturbed["test"], f"{audit.main}, difference"],
        rows,
        f"The row of shuffle holds what the article calls HITRATE-S and NDCG-S. Means over {audit.settings.draws} "
        "permutations where there is chance; differences are paired over users.",
    )


def _attention_table(audit: Audit) -> Table:
    rows = [[f"layer {number}", f"{share:.1%}"] for number, share in enumerate(audit.attention, start=1)]
    return Table(
        "Attention of the newest place on the last item",
        ["", "share"],
        [*rows, ["if all items got the same", f"{audit.even_attention:.1%}"]],
    )
