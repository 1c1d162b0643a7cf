"""Code that several rooms share; imports no other room."""

from common import light_torchvision, threads

# Here, because every process imports this package before it imports torch.
threads.wait_politely()
light_torchvision.install()
