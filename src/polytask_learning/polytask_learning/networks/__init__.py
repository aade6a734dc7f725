"""Networks: modules only, without losses and optimisers."""
