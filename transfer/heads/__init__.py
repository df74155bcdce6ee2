"""Linear heads: scikit-learn estimators, and the solver behind them."""
