"""Classes and modules of Keras, PyTorch and scikit-learn with their equivalents in this library."""

NAMES = {
    "Sequential": "cutedl_xp.Model",
    "load_model": "cutedl_xp.Model.load",
    "DataLoader": "cutedl_xp.Dataset",
    "TensorDataset": "cutedl_xp.Dataset",
    "SGD": "cutedl_xp.optimizers.Fixed, or Momentum for SGD with momentum",
    "BatchNorm1d": "cutedl_xp.layers.BatchNormalization",
    "LayerNorm": "cutedl_xp.layers.LayerNormalization",
    "RMSprop": "cutedl_xp.optimizers.RMSProp",
    "Nadam": "cutedl_xp.optimizers.NAdam",
    "Linear": "cutedl_xp.layers.Dense",
    "ReLU": 'cutedl_xp.layers.Dense(..., activation="relu"), or cutedl_xp.layers.Activation("relu")',
    "Input": "the parameter `input_dim` of the first cutedl_xp.layers.Dense",
    "MSELoss": "cutedl_xp.losses.Mse",
    "MeanSquaredError": "cutedl_xp.losses.Mse",
    "HuberLoss": "cutedl_xp.losses.Huber",
    "SmoothL1Loss": "cutedl_xp.losses.Huber",
    "CrossEntropyLoss": "cutedl_xp.losses.SparseCategoricalCrossentropy",
    "BCELoss": "cutedl_xp.losses.BinaryCrossentropy(from_logits=False)",
    "BCEWithLogitsLoss": "cutedl_xp.losses.BinaryCrossentropy",
    "BinaryCrossEntropy": "cutedl_xp.losses.BinaryCrossentropy",
    "AUC": "cutedl_xp.metrics.RocAuc",
    "F1Score": "cutedl_xp.metrics.F1",
    "R2Score": "cutedl_xp.metrics.R2",
    "RootMeanSquaredError": "cutedl_xp.metrics.RMSE",
    "CategoricalAccuracy": "cutedl_xp.metrics.Accuracy",
    "SparseCategoricalAccuracy": "cutedl_xp.metrics.Accuracy",
    "Callback": "cutedl_xp.listeners.FitListener, or any function of an event",
    "LambdaCallback": "cutedl_xp.listeners.FitListener",
    "ModelCheckpoint": "cutedl_xp.listeners.Checkpoint",
    "CSVLogger": "cutedl_xp.listeners.CsvLogger",
    "ReduceLROnPlateau": "cutedl_xp.listeners.ReduceOnPlateau",
    "LearningRateScheduler": "cutedl_xp.schedules",
    "callbacks": "cutedl_xp.listeners",
    "optim": "cutedl_xp.optimizers",
    "nn": "cutedl_xp.layers and cutedl_xp.losses",
}
_OTHER_LAYERS = (
    "Attention",
    *("AveragePooling2D", "GlobalAveragePooling2D", "MaxPooling2D", "AvgPool2d", "MaxPool2d"),
    *("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose2d"),
    *("Embedding", "GRU", "LSTM", "MultiHeadAttention", "MultiheadAttention", "RNN", "SimpleRNN"),
)
_FULLY_CONNECTED = (
    "a layer of your own (guides/own-layers): the layers of this library are fully connected: Dense, Dropout, Flatten, "
    "BatchNormalization, LayerNormalization"
)
NAMES |= dict.fromkeys(_OTHER_LAYERS, _FULLY_CONNECTED)

TEXTS = {
    "sgd": "Fixed",
    "meansquarederror": "Mse",
    "crossentropy": "SparseCategoricalCrossentropy",
    "bce": "BinaryCrossentropy",
    "acc": "Accuracy",
    "auc": "RocAuc",
    "mae": "MeanAbsoluteError",
}
"""Class of this library by text of another library, in lower case without underscores."""
