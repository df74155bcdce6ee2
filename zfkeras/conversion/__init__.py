"""Networks from other tools into `.keras` files like ours, and ours into ONNX."""
