"""Train a LoRA adapter in PyTorch: the rows, batches, start, optimiser and files of `distil.lm.train`."""

import importlib.metadata
import math
import resource
import time
from collections.abc import Sequence
from typing import Any

import mlx.core as mx
import numpy as np
import torch
from torch import Tensor

from distil.lm.progress import LmParams, LoraParams, Progress, Training, TrainingSetup, lengths, reply_tokens
from distil.lm.rows import Row, schedule
from distil.lm.state import Arrays, Inputs
from distil.lm.torch import kernels
from distil.lm.torch.model import PROJECTIONS, LowRank, Weights, attend_in_rows, hidden_states, joined, load, widths
from distil.pipeline.files import InputError
from distil.pipeline.progress import Bar

ORDER = ("mlp.up", "mlp.down", "mlp.gate", "self_attn.o", "self_attn.v", "self_attn.k", "self_attn.q")
"""In which order mlx-lm draws the first weights of a layer's adapters."""
BETAS, EPS = (0.9, 0.999), 1e-8


def computing(lm: LmParams) -> Inputs:
    """What decides the last bits of a result: the libraries, the precision, the threads and the processor's kernels."""
    return {
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "mlx", "mlx-lm")},
        "kernels": torch.backends.cpu.get_cpu_capability(),
        **lm.model_dump(),
    }


def train_adapter(lm: LmParams, setup: TrainingSetup) -> Training:
    """As `distil.lm.train.train_adapter`, from the folder of a model instead of a loaded one.

    Raises InputError, too, when the parameters ask for what this backend does not do.
    """
    params = setup.params
    if params.fine_tune_type != "lora":
        raise InputError(
            f"lora_seed.fine_tune_type: backend torch trains LoRA alone, not {params.fine_tune_type}. Set lm.backend "
            "to mlx for it."
        )
    if params.dropout:
        raise InputError(f"lora_seed.dropout: backend torch trains without dropout, not with {params.dropout}.")
    torch.set_num_threads(lm.threads)
    weights = load(params.model, getattr(torch, lm.compute))
    if params.num_layers > len(weights.layers):
        raise InputError(f"lora_seed.num_layers: {params.num_layers} layers; the model has {len(weights.layers)}.")
    run = TorchRun(weights, setup)
    start = run.history.iterations[-1]
    if not run.history.finished:
        run.train(start)
    return Training(
        run.history,
        reply_tokens(setup.train_rows, params.batch_size, setup.seed, run.history.iterations[-1]),
        sum(parameter.numel() for parameter in run.parameters.values()),
        run.row_tokens,
        run.seconds,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
    )


class TorchRun(Progress):
    """A run in progress: the adapter's weights by mlx-lm's names, Adam's two moments of each, and the model."""

    def __init__(self, weights: Weights, setup: TrainingSetup):
        self.weights = weights
        self.parameters = first_parameters(weights, setup.params, setup.seed)
        self.moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in self.parameters.items()}
        self.row_tokens, self.seconds = 0, 0.0
        super().__init__(setup)

    def train(self, start: int) -> None:
        """Train from iteration `start` on, until the iterations are done or the run stops early."""
        setup, rows = self.setup, self.setup.train_rows
        losses: list[float] = []
        clock = time.perf_counter()
        with Bar(total=setup.iters, initial=start, desc=setup.title, unit="step") as bar:
            batches = schedule(lengths(rows), setup.params.batch_size, setup.seed, start)
            for iteration, batch in enumerate(batches, start + 1):
                mine = [rows[number] for number in batch]
                losses.append(self.step(mine))
                self.row_tokens += sum(len(row.tokens) for row in mine)
                bar.update()
                if iteration % setup.params.steps_per_eval == 0 or iteration == setup.iters:
                    self.seconds += time.perf_counter() - clock
                    self.evaluate(iteration, math.fsum(losses) / len(losses))
                    if self.history.finished:
                        return
                    losses.clear()
                    clock = time.perf_counter()

    def step(self, rows: Sequence[Row]) -> float:
        """One iteration on a batch; returns its mean loss per reply token."""
        put_on(self.weights, self.parameters, self.setup.params)
        loss = token_losses(self.weights, rows, self.setup.params.grad_checkpoint).mean()
        loss.backward()
        with torch.no_grad():
            self.update()
        return loss.item()

    def update(self) -> None:
        """Adam as MLX computes it by default, that is, without a correction of its first steps."""
        gradients: list[Any] = [parameter.grad for parameter in self.parameters.values()]
        means, squares = map(list, zip(*self.moments.values(), strict=True))
        torch._foreach_lerp_(means, gradients, 1 - BETAS[0])
        torch._foreach_mul_(squares, BETAS[1])
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - BETAS[1])
        roots = torch._foreach_sqrt(squares)
        torch._foreach_add_(roots, EPS)
        torch._foreach_addcdiv_(list(self.parameters.values()), means, roots, -self.setup.params.learning_rate)
        for parameter in self.parameters.values():
            parameter.grad = None

    def row_losses(self) -> np.ndarray:
        """Each validation row's loss, summed over its reply; rows of like length go through the model together."""
        params, valid_rows = self.setup.params, self.setup.valid_rows
        found = np.zeros(len(valid_rows), np.float32)
        order = sorted(range(len(valid_rows)), key=lambda number: len(valid_rows[number].tokens))
        put_on(self.weights, self.parameters, params)
        with torch.no_grad():
            for first in range(0, len(order), params.batch_size):
                numbers = order[first : first + params.batch_size]
                rows = [valid_rows[number] for number in numbers]
                losses = token_losses(self.weights, rows).split([row.reply for row in rows])
                found[numbers] = [part.sum().item() for part in losses]
        return found

    def adapter(self) -> Arrays:
        """The trainable weights, by mlx-lm's names."""
        return {name: parameter.detach().numpy() for name, parameter in self.parameters.items()}

    def state(self) -> Arrays:
        """Weights and Adam's moments."""
        arrays = {f"model.{name}": array for name, array in self.adapter().items()}
        for name, moments in self.moments.items():
            arrays |= {f"adam.{place}.{name}": moment.numpy() for place, moment in enumerate(moments)}
        return arrays

    def restore(self, arrays: Arrays) -> None:
        """Put back what `state` gave."""
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(torch.from_numpy(arrays[f"model.{name}"]))
                for place, moment in enumerate(self.moments[name]):
                    moment.copy_(torch.from_numpy(arrays[f"adam.{place}.{name}"]))


def first_parameters(weights: Weights, params: LoraParams, seed: int) -> dict[str, Tensor]:
    """A new adapter under mlx-lm's names. MLX draws its numbers for this seed, so both backends start equal."""
    mx.random.seed(seed)
    parameters = {}
    for number in adapted_layers(weights, params.num_layers):
        layer = weights.layers[number]
        outputs, inputs = dict[str, int](), dict[str, int]()
        for ours, names in PROJECTIONS.items():
            total, read = getattr(layer, ours).weight.shape
            outputs |= zip(names, widths(weights.config, ours, total), strict=True)
            inputs |= dict.fromkeys(names, read)
        for name in (f"{place}_proj" for place in ORDER):
            bound = 1 / math.sqrt(inputs[name])
            mx.random.uniform(shape=(1,))  # mlx-lm draws a linear layer here, and throws it away
            a = np.array(mx.random.uniform(-bound, bound, (inputs[name], params.rank)))
            prefix = f"model.layers.{number}.{name}"
            parameters[f"{prefix}.lora_a"] = torch.from_numpy(a).requires_grad_()
            parameters[f"{prefix}.lora_b"] = torch.zeros(params.rank, outputs[name], requires_grad=True)
    return parameters


def adapted_layers(weights: Weights, num_layers: int) -> range:
    """The numbers of the layers that carry adapters: the last `num_layers`, or all for -1."""
    count = len(weights.layers)
    return range(0 if num_layers == -1 else count - num_layers, count)


def put_on(weights: Weights, parameters: dict[str, Tensor], params: LoraParams) -> None:
    """Attach the adapters to the model's linear layers; layers computed in one product get one joined adapter."""
    for number in adapted_layers(weights, params.num_layers):
        for linear, names in PROJECTIONS.items():
            parts = [f"model.layers.{number}.{name}" for name in names]
            a, b = joined([(parameters[f"{part}.lora_a"], parameters[f"{part}.lora_b"]) for part in parts])
            getattr(weights.layers[number], linear).adapter = LowRank(a, b, params.scale)


def token_losses(weights: Weights, rows: Sequence[Row], checkpoint: bool = False) -> Tensor:
    """Cross-entropy of the rows' reply tokens, (tokens,) float32, row after row; no other token's logits exist."""
    read = [len(row.tokens) - 1 for row in rows]
    tokens = torch.tensor([token for row in rows for token in row.tokens[:-1]])
    positions = torch.cat([torch.arange(length) for length in read])
    targets = torch.tensor([token for row in rows for token in row.tokens[row.prompt :]])
    # the position before a reply's first token predicts it, hence - 1
    counted = torch.cat([torch.arange(length) >= row.prompt - 1 for length, row in zip(read, rows, strict=True)])
    hidden = hidden_states(weights, tokens, positions, attend_in_rows(read), checkpoint)
    return kernels.CrossEntropy.apply(hidden[counted], weights.head.weight, targets)
