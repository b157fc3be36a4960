"""The Bayesian risk model: specification, graph, sampling and checks."""
