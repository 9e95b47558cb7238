"""Matrix products of dense layers, and attention."""

import math

from tahr.kernels import attention
from tahr.kernels.gemm import matmul

from ..cases import Case, family, normal, shrunk, size_of

DENSE = [(16, 20, 64), (32, 100, 32), (32, 128, 512), (128, 128, 512), (128, 512, 512), (128, 784, 512),
         (32, 33856, 256), (1024, 1024, 1024)]       # batch, inputs, units
ATTENTION = [(32, 64, 4, 32), (8, 256, 8, 64), (2, 1024, 8, 64)]        # batch, time, heads, depth


@family("gemm")
def gemm(torch, tiny):
    """Forward (NN), the gradient of the input (NT) and of the weights (TN)."""
    for shape in DENSE:
        m, k, n = shrunk(shape, tiny)
        a, w, g = normal(m, k), normal(k, n, seed=1), normal(m, n, seed=2)
        products = {"NN": (a, w, False, False), "NT": (g, w, False, True), "TN": (a, g, True, False)}
        for kind, (x, y, turn_x, turn_y) in products.items():
            case = Case(f"{kind} {m} x {k} x {n}", lambda x=x, y=y, t=turn_x, u=turn_y: matmul(x, y, t, u),
                        flops=2.0 * m * n * k, bytes=size_of(a, w, g))
            if torch:
                tx, ty = torch.from_numpy(x), torch.from_numpy(y)
                tx, ty = tx.t() if turn_x else tx, ty.t() if turn_y else ty
                case.torch["row-major"] = lambda torch=torch, tx=tx, ty=ty: torch.mm(tx, ty)
            yield case


def _attention_by(torch, q, k, v, g, causal):
    """Forward and backward pass by PyTorch's kernel for processors, which leaves no graph."""
    aten, scale = torch.ops.aten, 1 / math.sqrt(q.shape[-1])

    def run():
        out, sums = aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, causal, scale=scale)
        return out, aten._scaled_dot_product_flash_attention_for_cpu_backward(g, q, k, v, out, sums, 0.0, causal,
                                                                              scale=scale)
    return run


@family("attention")
def attention_cases(torch, tiny):
    """Scaled dot products, forward and backward."""
    for shape in ATTENTION:
        for causal in (False, True):
            batch, time, heads, depth = shrunk(shape, tiny)
            q, k, v, g = (normal(batch, time, heads, depth, seed=i) for i in range(4))

            def ours(q=q, k=k, v=v, g=g, causal=causal):
                out, sums = attention.attention(q, k, v, None, None, causal)
                return out, attention.attention_grad(g, q, k, v, out, sums, None, None, causal)
            flops = 14.0 * batch * heads * time * time * depth / (2 if causal else 1)
            name = f"{batch} x {time}, {heads} heads of {depth}{', causal' if causal else ''}"
            case = Case(name, ours, flops=flops, bytes=2 * size_of(q, k, v, g))
            if torch:
                views = [torch.from_numpy(x).transpose(1, 2) for x in (q, k, v, g)]
                case.torch["time first"] = _attention_by(torch, *views, causal)
                case.torch["heads first"] = _attention_by(torch, *[x.contiguous() for x in views], causal)
            yield case
