"""Code that several rooms share; imports no other room."""

from common.threads import wait_politely

wait_politely()  # here, because every process imports this package before it imports torch
