"""Errors for names of Keras, PyTorch and scikit-learn that give the names of this library."""

from cutedl_xp._familiar._attributes import OF_MODELS as OF_MODELS
from cutedl_xp._familiar._attributes import OF_NETWORKS as OF_NETWORKS
from cutedl_xp._familiar._attributes import OF_OPTIMIZERS as OF_OPTIMIZERS
from cutedl_xp._familiar._attributes import OF_TRAININGS as OF_TRAININGS
from cutedl_xp._familiar._calls import refuse_keywords as refuse_keywords
from cutedl_xp._familiar._keywords import OF_ASSEMBLE as OF_ASSEMBLE
from cutedl_xp._familiar._keywords import OF_CHECKPOINTS as OF_CHECKPOINTS
from cutedl_xp._familiar._keywords import OF_DATASETS as OF_DATASETS
from cutedl_xp._familiar._keywords import OF_DENSE as OF_DENSE
from cutedl_xp._familiar._keywords import OF_DROPOUT as OF_DROPOUT
from cutedl_xp._familiar._keywords import OF_EARLY_STOPPING as OF_EARLY_STOPPING
from cutedl_xp._familiar._keywords import OF_EVALUATE as OF_EVALUATE
from cutedl_xp._familiar._keywords import OF_FIT as OF_FIT
from cutedl_xp._familiar._keywords import OF_MODEL_FILES as OF_MODEL_FILES
from cutedl_xp._familiar._keywords import OF_NETS as OF_NETS
from cutedl_xp._familiar._keywords import OF_NORMALIZATIONS as OF_NORMALIZATIONS
from cutedl_xp._familiar._keywords import OF_RESUME as OF_RESUME
from cutedl_xp._familiar._keywords import OF_RULES as OF_RULES
from cutedl_xp._familiar._keywords import OF_SESSION_FILES as OF_SESSION_FILES
from cutedl_xp._familiar._keywords import OF_SESSIONS as OF_SESSIONS
from cutedl_xp._familiar._lookup import check_assignment as check_assignment
from cutedl_xp._familiar._lookup import find_attribute as find_attribute
from cutedl_xp._familiar._lookup import raise_unknown as raise_unknown
from cutedl_xp._familiar._lookup import suggest_object as suggest_object
