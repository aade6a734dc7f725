"""What the learner's tests share."""

import torch

# Several threads wait for each other longer than these small networks take, the more so beside
# other tests.
torch.set_num_threads(1)
