"""The two sets of rules by name, without TensorFlow: commands list them in --help."""

#: What Zeiler & Fergus cover; and that with rules for what modern networks need.
PAPER, GENERALISED = RULE_SETS = ("paper", "generalised")

#: What pictures and findings say of projections that are not the paper's.
LABEL = "generalised rules, not the paper's"
