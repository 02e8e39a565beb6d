"""The article's Adam run with PyTorch."""

import torch

from benchmarks.programs import idx

BATCH = 64
torch.manual_seed(1)
images, labels, test_images, test_labels = (torch.from_numpy(part) for part in idx.load())
model = torch.nn.Sequential(torch.nn.Linear(784, 10), torch.nn.ReLU())
torch.nn.init.uniform_(model[0].weight, -0.1, 0.1)
torch.nn.init.zeros_(model[0].bias)
cross_entropy = torch.nn.CrossEntropyLoss()
adam = torch.optim.Adam(model.parameters(), 1e-4, (0.9, 0.99), fused=True)
history = []
steps = 0
for _ in range(27):
    total = torch.zeros(())
    batches = torch.randperm(len(images)).split(BATCH)
    for rows in batches:
        adam.zero_grad()
        loss = cross_entropy(model(images[rows]), labels[rows])
        loss.backward()
        adam.step()
        total += loss.detach()
    steps += len(batches)
    with torch.inference_mode():
        outputs = model(test_images)
        val_loss = cross_entropy(outputs, test_labels).item()
        val_accuracy = (outputs.argmax(dim=1) == test_labels).float().mean().item()
    history.append((total.item() / len(batches), val_loss, val_accuracy))
idx.report(steps, *history[-1][1:])
