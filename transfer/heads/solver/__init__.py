"""How heads are solved: Newton's method on inner products of features."""
