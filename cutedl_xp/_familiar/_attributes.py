"""Attributes of Keras and PyTorch with their equivalents in this library, by class."""

_TRAINING = "cutedl_xp.Session(model, loss=..., optimizer=...)"
OF_MODELS = {
    "compile": _TRAINING,
    "fit": f"{_TRAINING}.fit",
    "evaluate": f"{_TRAINING}.evaluate",
    "predict_proba": "cutedl_xp.losses.predict_proba(model.predict(x), loss), or the method of a Session",
    "predict_classes": "cutedl_xp.losses.predict_classes(model.predict(x), loss), or the method of a Session",
    "train": "cutedl_xp.Session.fit, or model.forward(x, training=True)",
    "eval": "model.predict, which never behaves as in training",
    "add": "cutedl_xp.Model([...]) with all layers",
    "to": "model.assemble(backend=...)",
    "build": "model.assemble",
    "get_weights": "model.weights",
    "state_dict": "model.weights",
    "load_state_dict": "model.set_weights",
    "load_weights": "cutedl_xp.Model.load",
    "save_weights": "model.save",
}
OF_TRAININGS = {
    "compile": "the arguments of cutedl_xp.Session",
    "predict": "session.model.predict",
    "score": "session.evaluate",
    "train": "session.fit",
}
OF_OPTIMIZERS = {
    "learning_rate": "`lr`",
    "beta_1": "`beta1`",
    "beta_2": "`beta2`",
    "betas": "`beta1` and `beta2`",
    "epsilon": "`eps`",
    "param_groups": "`lr`, or cutedl_xp.optimizers.Groups",
    "zero_grad": "step(parameters) alone, because each backward pass replaces the gradients",
    "apply_gradients": "step(parameters), or the pure function update(params, grads, state)",
    "minimize": "cutedl_xp.Session.fit",
}

OF_NETWORKS = {
    "trainable": 'optimizers.Groups({"/1-*": optimizers.Frozen(), "*": optimizer}), which leaves layer 1 as it is',
}
"""Attributes of models and layers that other libraries assign."""
