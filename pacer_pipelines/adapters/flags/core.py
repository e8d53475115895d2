"""A flagd document as PACER's servers evaluate it: the very core that the provider runs."""

import json
from collections.abc import Mapping
from typing import Any

from pacer_pipelines.errors import FlagRefused

Document = dict[str, Any]
Context = Mapping[str, Any]


class Core:
    """One document, loaded once, asked as often as needed (about 40 microseconds each)."""

    def __init__(self, document: Document) -> None:
        """Load the document.

        Args:
            document: content of a flag file; it is not changed.

        Raises:
            FlagRefused: flagd's core does not accept it.
        """
        from openfeature.contrib.tools.flagd.core import FlagdCore
        from openfeature.exception import OpenFeatureError

        self._core, self._flags = FlagdCore(), document.get("flags", {})
        try:
            # as text: the core edits what it is given
            self._core.set_flags(json.dumps(document))
        except (OpenFeatureError, ValueError, TypeError, AttributeError) as error:
            raise FlagRefused(f"flagd's core does not load it: {error or type(error).__name__}") from error

    def variant(self, flag_key: str, context: Context) -> str:
        """Name of the variant that a context is served; ``None`` as text when the code's default is.

        Args:
            flag_key: the flag.
            context: the attributes that rules may look at, ``bucket`` among them.

        Raises:
            FlagRefused: flagd's core does not evaluate the flag.
        """
        from openfeature.evaluation_context import EvaluationContext
        from openfeature.exception import OpenFeatureError

        sample = next(iter(self._flags[flag_key]["variants"].values()))
        try:
            found = self._resolver(sample)(flag_key, sample, EvaluationContext("probe", dict(context)))
        except (OpenFeatureError, ValueError, TypeError) as error:
            raise FlagRefused(f"flag {flag_key!r}: flagd's core does not evaluate it: {error}") from error
        return str(found.variant)

    def _resolver(self, sample: object) -> Any:
        by_type: dict[type, Any] = {
            bool: self._core.resolve_boolean_value,
            str: self._core.resolve_string_value,
            int: self._core.resolve_integer_value,
            float: self._core.resolve_float_value,
        }
        return by_type.get(type(sample), self._core.resolve_object_value)
