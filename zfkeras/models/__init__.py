"""The networks: ZFNet, AlexNet and their variants, and what is known of them."""
