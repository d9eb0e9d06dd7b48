"""Writes ../onnx/torch.json.gz: small models that PyTorch (2.13.0) exports to ONNX by both of its exporters, inputs, and what they give in PyTorch, as
`{name, model, inputs, outputs}` in base64, one a line. Run it in this folder."""
import base64
import gzip
import io
import json
import os
import warnings

import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings('ignore')
torch.manual_seed(0)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(8, 8, 3, padding='same', groups=8),
            nn.Hardswish(),
            nn.AdaptiveAvgPool2d(1),
        )
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        return self.head(self.features(x).flatten(1)).log_softmax(-1)


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 6)
        self.lstm = nn.LSTM(6, 5, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(10, 3)

    def forward(self, x):
        return self.head(self.lstm(self.embedding(x))[0][:, -1])


class Gru(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(3, 4)
        self.rnn = nn.RNN(4, 3, nonlinearity='relu')

    def forward(self, x):
        return self.rnn(self.gru(x)[0])[0]


class Unet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1, padding_mode='reflect')
        self.down = nn.Conv2d(4, 8, 2, 2)
        self.norm = nn.GroupNorm(2, 8)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.last = nn.Conv2d(16, 1, 1)

    def forward(self, x):
        a = F.silu(self.first(x))
        b = self.norm(self.down(a))
        c = F.interpolate(b, scale_factor=2, mode='bilinear', align_corners=False)
        return torch.sigmoid(self.last(torch.cat([a, self.up(b), c], 1)))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation='gelu', norm_first=True)

    def forward(self, x):
        return self.layer(x)


class Misc(nn.Module):
    def forward(self, x):
        y = x.view(x.size(0), -1)[:, 1:]
        z = torch.where(y > 0, y, y.expm1())
        w = z.unsqueeze(1).expand(x.size(0), 2, y.size(1))
        v = torch.einsum('bij,bkj->bik', w, w).masked_fill(torch.triu(torch.ones(2, 2), 1).bool(), -1e4)
        return v.softmax(-1), z.topk(3, dim=1)[0], z.std(dim=1, keepdim=True), F.pad(z, (1, 2))


cases = [
    ('cnn', Cnn(), torch.randn(2, 3, 17, 15), True),
    ('lstm', Lstm(), torch.randint(0, 20, (3, 7)), True),
    ('transformer', Transformer(), torch.randn(2, 5, 8), True),
    ('unet', Unet(), torch.randn(1, 1, 8, 6), False),
    ('misc', Misc(), torch.randn(3, 2, 4), True),
    ('gru', Gru(), torch.randn(6, 2, 3), False),
]
pack = lambda t: base64.b64encode(numpy_helper.from_array(t.detach().numpy()).SerializeToString()).decode()
lines = []
for name, model, x, batched in cases:
    model.eval()
    with torch.no_grad():
        y = model(x)
    outputs = [pack(t) for t in (y if isinstance(y, tuple) else (y,))]
    for exporter in ('torchscript', 'dynamo'):
        if (name, exporter) == ('misc', 'torchscript'):  # It lacks expm1.
            continue
        if exporter == 'dynamo':
            shapes = ({0: torch.export.Dim('n', min=1, max=64)},) if batched else None
            made = torch.onnx.export(model, x, dynamo=True, verbose=False, dynamic_shapes=shapes).model_proto.SerializeToString()
        else:
            file = io.BytesIO()
            axes = {'x': {0: 'n'}} if batched else None
            torch.onnx.export(model, x, file, dynamo=False, opset_version=17, input_names=['x'], dynamic_axes=axes)
            made = file.getvalue()
        text = base64.b64encode(made).decode()
        lines.append(json.dumps({'name': f'{name}-{exporter}', 'model': text, 'inputs': [pack(x)], 'outputs': outputs}))
with gzip.GzipFile(f'{os.path.dirname(os.path.abspath(__file__))}/../onnx/torch.json.gz', 'wb', 9, mtime=0) as out:
    out.write('\n'.join(lines).encode())
print(len(lines))
