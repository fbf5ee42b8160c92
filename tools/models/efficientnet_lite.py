"""EfficientNet-Lite0 as an ONNX graph, built from the names and shapes of its torch weights (no torch needed).

Input  `image`     N x 3 x 224 x 224, RGB, (value - 127) / 128
Output `prob`      N x 1000, softmax over ImageNet's classes
Output `features`  N x 1280, the pooled features before the classifier
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 224
CLASSES = 1000
FEATURES = 1280
BATCH_NORM_EPSILON = 1e-3

# Number of repetitions of a block, side of its depthwise kernel, stride of the first repetition, expansion factor,
# and output channels. (Tan & Le 2019, table 1; Lite leaves out squeeze-and-excitation and uses ReLU6.)
STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
          (1, 3, 1, 6, 320)]
STEM_CHANNELS = 32


class Graph:
    """Nodes and constants, in the order of their creation."""

    def __init__(self, weights: dict[str, np.ndarray]):
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def convolution(self, x: str, name: str, norm: str, stride: int = 1, groups: int = 1, relu6: bool = True) -> str:
        """A convolution with its batch normalization folded into weight and bias."""
        weight = self.weights[f"{name}.weight"].astype(np.float64)
        gain = self.weights[f"{norm}.weight"] / np.sqrt(self.weights[f"{norm}.running_var"].astype(np.float64)
                                                        + BATCH_NORM_EPSILON)
        bias = self.weights[f"{norm}.bias"] - self.weights[f"{norm}.running_mean"] * gain
        side = weight.shape[2]
        x = self.node("Conv", [x, self.constant(f"{name}.weight", weight * gain[:, None, None, None]),
                               self.constant(f"{name}.bias", bias)], name,
                      kernel_shape=[side, side], strides=[stride, stride], group=groups, auto_pad="SAME_UPPER")
        return self.node("Clip", [x, "zero", "six"], f"{name}.relu6") if relu6 else x

    def block(self, x: str, index: int, stride: int, expand: int, channels_in: int, channels_out: int) -> str:
        """An inverted residual: expand, depthwise, project, and the shortcut if the shapes allow it."""
        name, shortcut = f"_blocks.{index}", x
        if expand != 1:
            x = self.convolution(x, f"{name}._expand_conv", f"{name}._bn0")
        x = self.convolution(x, f"{name}._depthwise_conv", f"{name}._bn1", stride, groups=channels_in * expand)
        x = self.convolution(x, f"{name}._project_conv", f"{name}._bn2", relu6=False)
        if stride == 1 and channels_in == channels_out:
            x = self.node("Add", [x, shortcut], f"{name}.add")
        return x


def build(weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    graph = Graph(weights)
    graph.constant("zero", 0)
    graph.constant("six", 6)
    x = graph.convolution("image", "_conv_stem", "_bn0", stride=2)
    index, channels = 0, STEM_CHANNELS
    for repeats, side, first_stride, expand, channels_out in STAGES:
        for repeat in range(repeats):
            assert weights[f"_blocks.{index}._depthwise_conv.weight"].shape[2] == side
            x = graph.block(x, index, first_stride if repeat == 0 else 1, expand, channels, channels_out)
            index, channels = index + 1, channels_out
    x = graph.convolution(x, "_conv_head", "_bn1")
    x = graph.node("GlobalAveragePool", [x], "pooled")
    x = graph.node("Flatten", [x], "features")
    x = graph.node("Gemm", [x, graph.constant("_fc.weight", weights["_fc.weight"]),
                            graph.constant("_fc.bias", weights["_fc.bias"])], "logits", transB=1)
    graph.node("Softmax", [x], "prob", axis=1)

    def tensor(name: str, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])

    model = helper.make_model(
        helper.make_graph(graph.nodes, "efficientnet-lite0", [tensor("image", 3, SIZE, SIZE)],
                          [tensor("prob", CLASSES), tensor("features", FEATURES)], graph.constants),
        opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="sluice")
    onnx.checker.check_model(model, full_check=True)
    return model
