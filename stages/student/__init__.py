"""The embedded student: a Qwen2 model of under a million parameters, pre-trained from nothing on the sample contest."""
