"""Keywords of Keras, PyTorch and scikit-learn with their equivalents in this library, by function."""

_PAIR = "the tuple (x, y) as `train`"
_SHAPE = "`input_dim`, the width of a sample"
OF_RULES = {
    "learning_rate": "`lr`",
    "beta_1": "`beta1`",
    "beta_2": "`beta2`",
    "betas": "`beta1` and `beta2`",
    "epsilon": "`eps`",
    "clipnorm": "the wrapper cutedl_xp.optimizers.ClipByNorm",
    "clipvalue": "the wrapper cutedl_xp.optimizers.ClipByValue",
    "global_clipnorm": "the wrapper cutedl_xp.optimizers.ClipByGlobalNorm",
    "use_ema": "the wrapper cutedl_xp.optimizers.AverageWeights",
    "params": "a Session, which passes the parameters of its model",
    "lr": "a Session, which passes the parameters of its model",  # after the parameters, as in PyTorch
}
OF_SESSIONS = {
    "criterion": "`loss`",
    "loss_fn": "`loss`",
    "callbacks": "`listeners` of Session.fit",
    "jit_compile": "`compiled` of Session.fit",
    "metric": "`metrics`, a list",
}
OF_FIT = {
    "validation_data": "`val_data`",
    "callbacks": "`listeners`",
    "batch_size": "cutedl_xp.Dataset(x, y, batch_size=...) as `train`",
    "shuffle": "cutedl_xp.Dataset(x, y, shuffle=...) as `train`",
    "sample_weight": "the tuple (x, y, sample_weight) as `train`",
    "validation_split": "cutedl_xp.Dataset(x, y).split(...), which gives `train` and `val_data`",
    "validation_freq": "`val_epochs`",
    "validation_steps": "`val_batches`",
    "max_epochs": "`epochs`",
    "n_epochs": "`epochs`",
    "initial_epoch": "`epochs` alone, the number of further epochs",
    "steps_per_epoch": "cutedl_xp.Dataset.from_batches(function, steps_per_epoch) as `train`",
    "x": _PAIR,
    "X": _PAIR,
    "y": _PAIR,
    "epochs": _PAIR,  # after x and y, as in Keras
}
_MORE = "fit(..., epochs=...) to train more, as resume() finishes the epochs of the interrupted fit"
_PLAN = "fit() for another plan, as resume() keeps that of the interrupted fit"
OF_RESUME = {
    **OF_FIT,
    **dict.fromkeys(("epochs", "max_epochs", "n_epochs"), _MORE),
    **dict.fromkeys(("initial_epoch", "val_epochs", "val_steps", "val_batches", "compiled", "train_metrics"), _PLAN),
    **dict.fromkeys(("validation_freq", "validation_steps"), _PLAN),
}
OF_EVALUATE = {
    "batch_size": "cutedl_xp.Dataset(x, y, batch_size=...) as `data`",
    "sample_weight": "the tuple (x, y, sample_weight) as `data`",
    "steps": "`batches`",
    "x": "the tuple (x, y) as `data`",
    "y": "the tuple (x, y) as `data`",
}
OF_ASSEMBLE = {
    "optimizer": "cutedl_xp.Session(model, loss=..., optimizer=...)",
    "loss": "cutedl_xp.Session(model, loss=..., optimizer=...)",
    "device": "backend=cutedl_xp.get_backend(device=...)",
    "random_state": "`seed`",
}
OF_DENSE = {
    "out_features": "`units`",
    "in_features": "`input_dim`",
    "input_shape": _SHAPE,
    "input_size": _SHAPE,
    "nonlinearity": "`activation`",
    "kernel_initializer": "`weight_initializer`",
    "kernel_regularizer": "`regularizers` of Session",
    **dict.fromkeys(("use_bias", "bias"), "a layer of your own, as Dense has a bias always: see guides/own-layers"),
}
OF_NORMALIZATIONS = {
    "epsilon": "`eps`",
    "num_features": "`input_dim`",
    "normalized_shape": "`input_dim`, the width of a sample",
}
OF_DROPOUT = {"rate": "`keep_prob`, which is 1 - rate", "p": "`keep_prob`, which is 1 - p"}
OF_DATASETS = {
    "x": "`data`",
    "X": "`data`",
    "y": "`labels`",
    "targets": "`labels`",
    "drop_last": "`drop_remainder`",
    "random_state": "`seed`",
    "class_weight": "`class_weight` of Session.fit",
}
OF_EARLY_STOPPING = {"restore_best_weights": "`restore_best`"}
OF_CHECKPOINTS = {
    "filepath": "`path`",
    "save_best_only": '`best`, such as best="val_loss"',
    "save_freq": "`every_epochs` or `every_steps`",
    "monitor": "`best`",
}
_RULE = "an optimizer object as `optimizer`, such as cutedl_xp.optimizers.Momentum(...)"
OF_NETS = {
    "solver": "`optimizer`",
    "learning_rate_init": "`learning_rate`",
    "lr": "`learning_rate`",
    "max_iter": "`epochs`",
    "max_epochs": "`epochs`",
    "n_epochs": "`epochs`",
    "tol": "`early_stopping`, with the tolerance 1e-4",
    **dict.fromkeys(("momentum", "nesterovs_momentum", "beta_1", "beta_2", "epsilon", "power_t"), _RULE),
}
OF_MODEL_FILES = {"custom": "`custom_layers`", "custom_objects": "`custom_layers`"}
OF_SESSION_FILES = {"custom_layers": "`custom`", "custom_objects": "`custom`"}
