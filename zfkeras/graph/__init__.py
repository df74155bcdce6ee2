"""Any Keras model as a graph of calls, and what each kind of layer does in it."""
