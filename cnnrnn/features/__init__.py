"""The common feature-extraction layer: backbones, the engines that run them, and the cache."""
