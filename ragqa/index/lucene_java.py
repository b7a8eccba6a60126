"""Java functions put together from method handles, so that Python crosses into Java once for many steps.

A crossing costs about a microsecond and the interpreter lock; a search is a chain of some ten Java calls, and
adding a document to an index is five. ``java.lang.invoke`` lets such a chain, even a loop, be composed from
existing methods and compiled by Java itself: no Java source of our own is needed.

pyjnius keeps the receiver of a call in the method object that all instances of a proxy class share. A thread may
therefore call a method only with arguments that are already computed (plain variables), and functions that several
threads use must be called on one and the same object.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from ragqa.index.java import start_jvm

Handle = Any
"""A ``java.lang.invoke.MethodHandle``."""


def new(name: str, signature: str, *arguments: Any) -> Any:
    """A new Java object: class name with slashes, signature of the constructor as in JNI, ``(II)V``."""
    return _constructor_proxy(name, signature)(*arguments)


def call_static(name: str, method: str, signature: str, *arguments: Any) -> Any:
    """The result of a static method."""
    return getattr(_static_proxy(name, method, signature), method)(*arguments)


def java_class(name: str) -> Any:
    """The ``java.lang.Class`` called ``name`` (with slashes)."""
    return call_static("java/lang/Class", "forName", "(Ljava/lang/String;)Ljava/lang/Class;", name.replace("/", "."))


def virtual(owner: str, method: str, signature: str) -> Handle:
    """Handle of an instance method; the instance is its first argument."""
    return _lookup().findVirtual(java_class(owner), method, _method_type(signature))


def static(owner: str, method: str, signature: str) -> Handle:
    """Handle of a static method."""
    return _lookup().findStatic(java_class(owner), method, _method_type(signature))


def constructor(owner: str, signature: str) -> Handle:
    """Handle that makes an object; the signature ends with ``V``."""
    return _lookup().findConstructor(java_class(owner), _method_type(signature))


def getter(owner: str, field: str, signature: str) -> Handle:
    """Handle that reads a public field of its argument; the signature is ``()`` and the field's type."""
    return _lookup().findGetter(java_class(owner), field, _method_type(signature).returnType())


def fixed(handle: Handle) -> Handle:
    """The handle of a method with a variable number of arguments, taking them as one array."""
    return handle.asFixedArity()


def bind(handle: Handle, position: int, *values: Any) -> Handle:
    """The handle with the arguments from ``position`` on set to ``values``."""
    return _combine(
        "insertArguments", "(Ljava/lang/invoke/MethodHandle;I[Ljava/lang/Object;)", handle, position, _boxed(values)
    )


def cast(handle: Handle, signature: str) -> Handle:
    """The handle with another signature; values are cast, boxed and widened as Java's ``asType`` does."""
    kind = _method_type(signature)
    return handle.asType(kind)


def chain(*handles: Handle) -> Handle:
    """The handle that passes the result of each handle to the next."""
    result = handles[0]
    for handle in handles[1:]:
        result = _combine("filterReturnValue", _TWO_HANDLES, result, handle)
    return result


def apply_to_argument(target: Handle, position: int, function: Handle) -> Handle:
    """``target`` with the argument at ``position`` replaced by the arguments of ``function``, whose result it gets."""
    signature = "(Ljava/lang/invoke/MethodHandle;ILjava/lang/invoke/MethodHandle;)"
    return _combine("collectArguments", signature, target, position, function)


def first_do(action: Handle, then: Handle) -> Handle:
    """A handle that calls ``action`` and then ``then`` with the same arguments; ``action`` returns nothing."""
    return _combine("foldArguments", _TWO_HANDLES, then, action)


def rearrange(handle: Handle, signature: str, order: Sequence[int]) -> Handle:
    """A handle with another signature that passes on its arguments in another order, some twice or not at all."""
    combine = "(Ljava/lang/invoke/MethodHandle;Ljava/lang/invoke/MethodType;[I)"
    return _combine("permuteArguments", combine, handle, _method_type(signature), [*order])


def ignoring(handle: Handle, kind: str) -> Handle:
    """A handle that takes an argument of class ``kind`` first, ignores it, and calls ``handle``."""
    signature = "(Ljava/lang/invoke/MethodHandle;I[Ljava/lang/Class;)"
    return _combine("dropArguments", signature, handle, 0, [java_class(kind)])


def while_loop(condition: Handle, body: Handle) -> Handle:
    """A handle that calls ``body`` as long as ``condition`` holds; both take the same arguments."""
    signature = "(Ljava/lang/invoke/MethodHandle;Ljava/lang/invoke/MethodHandle;Ljava/lang/invoke/MethodHandle;)"
    return _combine("whileLoop", signature, None, condition, body)


def map_array(function: Handle, elements: str, results: str) -> Handle:
    """A handle from an array to the array of what ``function`` makes of each element, in order.

    ``elements`` and ``results`` are the types of the arrays as in signatures, ``[J`` for example.
    """
    length, get = (_of_array(name, elements) for name in ("arrayLength", "arrayElementGetter"))
    make, put = (_of_array(name, results) for name in ("arrayConstructor", "arrayElementSetter"))
    # for (int i = 0; i < length(array); i++) result[i] = function(array[i])
    state = f"({results}I{elements})"
    store = rearrange(apply_to_argument(put, 2, chain(get, function)), f"{state}V", [0, 1, 2, 1])
    kind = "(Ljava/lang/Class;)"
    keep = rearrange(_combine("identity", kind, _type(results)), f"{state}{results}", [0])
    signature = "(Ljava/lang/invoke/MethodHandle;Ljava/lang/invoke/MethodHandle;Ljava/lang/invoke/MethodHandle;)"
    return _combine("countedLoop", signature, length, chain(length, make), first_do(store, keep))


def call(handle: Handle, *arguments: Any) -> Any:
    """The result of the handle. For functions that several threads call, see :func:`function`."""
    boxed = _boxed(arguments)
    return handle.invokeWithArguments(boxed, pass_by_reference=False)


def for_each(iterate: Handle, start: Handle, step: Handle) -> Handle:
    """A handle that makes a state with ``start`` and lets ``step`` (state, element) replace it for each element.

    ``iterate`` turns the argument into a ``java.util.Iterator``; the last state is returned.
    """
    signature = "(Ljava/lang/invoke/MethodHandle;Ljava/lang/invoke/MethodHandle;Ljava/lang/invoke/MethodHandle;)"
    return _combine("iteratedLoop", signature, iterate, start, step)


def call_method(receiver: Any, owner: str, method: str, signature: str, *arguments: Any) -> Any:
    """The result of an instance method of class ``owner``."""
    return call(virtual(owner, method, signature), receiver, *arguments)


def enum_value(name: str, value: str) -> Any:
    """The constant ``value`` of an enumeration."""
    return call_static(name, "valueOf", f"(Ljava/lang/String;)L{name};", value)


def function(handle: Handle) -> Callable[..., Any]:
    """The handle as a Python function that any number of threads may call at once."""
    import jnius

    _method_handle_class()  # a proxy class of its own: receivers of other handles cannot get in between
    own = jnius.cast("java.lang.invoke.MethodHandle", handle)
    _method_handle_class()

    def invoke(*arguments: Any) -> Any:
        boxed = _boxed(arguments)
        return own.invokeWithArguments(boxed, pass_by_reference=False)

    return invoke


def _boxed(arguments: Sequence[Any]) -> list[Any]:
    """Plain values as Java objects: in an array of objects pyjnius converts strings only, and only if all are."""
    if len(arguments) == 1 and isinstance(arguments[0], str):
        return [arguments[0]]
    return [_box(argument) if isinstance(argument, (bool, int, float, str)) else argument for argument in arguments]


def _box(value: str | float) -> Any:
    if isinstance(value, str):
        return new("java/lang/String", "(Ljava/lang/String;)V", value)
    if isinstance(value, bool):
        return new("java/lang/Boolean", "(Z)V", value)
    if isinstance(value, int):
        return new("java/lang/Integer", "(I)V", value)
    return new("java/lang/Double", "(D)V", value)


def _of_array(name: str, kind: str) -> Handle:
    return _combine(name, "(Ljava/lang/Class;)", _type(kind))


def _type(name: str) -> Any:
    """The ``java.lang.Class`` of a type as written in signatures."""
    return _method_type(f"(){name}").returnType()


def _combine(name: str, signature: str, *arguments: Any) -> Handle:
    return call_static(
        "java/lang/invoke/MethodHandles", name, f"{signature}Ljava/lang/invoke/MethodHandle;", *arguments
    )


@functools.cache
def _method_type(signature: str) -> Any:
    full = "(Ljava/lang/String;Ljava/lang/ClassLoader;)Ljava/lang/invoke/MethodType;"
    return call_static("java/lang/invoke/MethodType", "fromMethodDescriptorString", full, signature, None)


@functools.cache
def _lookup() -> Any:
    start_jvm()
    _method_handle_class()
    import jnius

    find = "(Ljava/lang/Class;Ljava/lang/String;Ljava/lang/invoke/MethodType;)Ljava/lang/invoke/MethodHandle;"
    _declare(
        "java/lang/invoke/MethodHandles$Lookup",
        findVirtual=jnius.JavaMethod(find),
        findStatic=jnius.JavaMethod(find),
        findConstructor=jnius.JavaMethod(
            "(Ljava/lang/Class;Ljava/lang/invoke/MethodType;)Ljava/lang/invoke/MethodHandle;"
        ),
        findGetter=jnius.JavaMethod(
            "(Ljava/lang/Class;Ljava/lang/String;Ljava/lang/Class;)Ljava/lang/invoke/MethodHandle;"
        ),
    )
    _declare("java/lang/invoke/MethodType", returnType=jnius.JavaMethod("()Ljava/lang/Class;"))
    signature = "()Ljava/lang/invoke/MethodHandles$Lookup;"
    return call_static("java/lang/invoke/MethodHandles", "publicLookup", signature)


def _method_handle_class() -> None:
    import jnius

    _declare(
        "java/lang/invoke/MethodHandle",
        invokeWithArguments=jnius.JavaMethod("([Ljava/lang/Object;)Ljava/lang/Object;"),
        asType=jnius.JavaMethod("(Ljava/lang/invoke/MethodType;)Ljava/lang/invoke/MethodHandle;"),
        asFixedArity=jnius.JavaMethod("()Ljava/lang/invoke/MethodHandle;"),
    )


def _declare(name: str, key: Any = (True, True), **members: Any) -> Any:
    """A proxy class with the members given, without pyjnius's reflection, which takes up to 80 ms a class.

    pyjnius wraps returned objects in the class that was declared last under its default key. Only classes of
    ``java.lang.invoke`` are declared so here; other code in this process may need all methods of others.
    """
    import jnius

    members["__javaclass__"] = name
    return jnius.MetaJavaClass.__new__(jnius.MetaJavaClass, name, (jnius.JavaClass,), members, classparams=key)


@functools.cache
def _constructor_proxy(name: str, signature: str) -> Any:
    start_jvm()
    return _declare(name, ("ragqa", signature), __javaconstructor__=[(signature, False)])


@functools.cache
def _static_proxy(name: str, method: str, signature: str) -> Any:
    import jnius

    start_jvm()
    return _declare(name, ("ragqa", method, signature), **{method: jnius.JavaStaticMethod(signature)})


_TWO_HANDLES = "(Ljava/lang/invoke/MethodHandle;Ljava/lang/invoke/MethodHandle;)"
