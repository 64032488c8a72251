/* module.c: eadem._native: contexts, and one function that calls any operation on DLPack capsules.
 *
 * Built for CPython's stable ABI, so one binary serves every Python from 3.9 on. Tensors are
 * borrowed from their capsules for the length of a call, nothing is copied, and the GIL is released
 * while computing.
 */

#include "native.h"

#include "math/math.h"

#include <string.h>

PyObject *native_error;
PyObject *native_context;

PyObject *native_raise(const ea_context *ctx, ea_status status)
{
    if (status == EA_ERR_MEMORY)
        return PyErr_Format(PyExc_MemoryError, "%s", ea_error_text(ctx));
    return PyErr_Format(native_error, "%s", ea_error_text(ctx));
}

/* --- Context --- */

static PyObject *context_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = { "threads", "isa", "contract", "openmp", NULL };
    int threads = 0, openmp = 0;
    const char *isa = NULL, *contract = "chain";
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|izsp", names, &threads, &isa, &contract,
                                     &openmp))
        return NULL;
    ea_context_options options = { .threads = threads,
                                   .isa = isa,
                                   .run_workers = openmp ? native_openmp() : NULL };
    ea_status status = ea_contract_from_name(contract, &options.contract);
    ea_context *ctx = NULL;
    if (status == EA_OK)
        status = ea_context_create(&options, &ctx);
    if (status != EA_OK)
        return native_raise(NULL, status);
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    context_object *self = (context_object *)allocate(type, 0);
    if (!self) {
        ea_context_destroy(ctx);
        return NULL;
    }
    self->ctx = ctx;
    return (PyObject *)self;
}

static void context_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    ea_context_destroy(((context_object *)object)->ctx);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyObject *context_threads(PyObject *self, void *unused)
{
    (void)unused;
    return PyLong_FromLong(ea_context_threads(((context_object *)self)->ctx));
}

static PyObject *context_isa(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(ea_context_isa(((context_object *)self)->ctx));
}

static PyObject *context_contract(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(
        ea_contract_name(ea_context_contract(((context_object *)self)->ctx)));
}

/* An operation's number: its family's place times this, plus its own place in the family. */
enum { FAMILY_SIZE = 256 };

static const native_op *op_of_number(int number)
{
    if (number < 0 || number / FAMILY_SIZE >= native_family_count)
        return NULL;
    const native_family *family = native_families[number / FAMILY_SIZE];
    int place = number % FAMILY_SIZE;
    return place < family->count ? &family->ops[place] : NULL;
}

static int fill_tensors(native_call *call, PyObject *capsules, const native_op *op)
{
    Py_ssize_t n = PyTuple_Size(capsules);
    if (op->tensors == ANY_TENSORS ? n > CALL_TENSORS : n != op->tensors) {
        PyErr_Format(PyExc_TypeError, "%s takes %d tensors, not %zd", op->name,
                     op->tensors == ANY_TENSORS ? CALL_TENSORS : op->tensors, n);
        return -1;
    }
    call->tensor_count = (int)n;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *capsule = PyTuple_GetItem(capsules, i);
        if (capsule == Py_None)
            continue;
        /* A DLManagedTensor begins with its DLTensor. The capsule stays the owner. */
        call->tensors[i] = PyCapsule_GetPointer(capsule, "dltensor");
        if (!call->tensors[i])
            return -1;
    }
    return 0;
}

static int fill_numbers(native_call *call, PyObject *integers, PyObject *floats)
{
    Py_ssize_t ni = integers ? PyTuple_Size(integers) : 0, nf = floats ? PyTuple_Size(floats) : 0;
    if (ni < 0 || nf < 0)
        return -1;
    if (ni > CALL_INTEGERS || nf > CALL_FLOATS) {
        PyErr_Format(PyExc_TypeError, "too many numbers: %zd and %zd", ni, nf);
        return -1;
    }
    for (Py_ssize_t i = 0; i < ni; i++)
        call->integers[i] = PyLong_AsLongLong(PyTuple_GetItem(integers, i));
    for (Py_ssize_t i = 0; i < nf; i++)
        call->floats[i] = PyFloat_AsDouble(PyTuple_GetItem(floats, i));
    call->integer_count = (int)ni;
    call->float_count = (int)nf;
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *context_call(PyObject *object, PyObject *args)
{
    int index;
    PyObject *capsules, *integers = NULL, *floats = NULL;
    if (!PyArg_ParseTuple(args, "iO!|O!O!", &index, &PyTuple_Type, &capsules, &PyTuple_Type,
                          &integers, &PyTuple_Type, &floats))
        return NULL;
    const native_op *op = op_of_number(index);
    if (!op)
        return PyErr_Format(PyExc_IndexError, "operation %d is none", index);
    native_call call = { .ctx = ((context_object *)object)->ctx };
    if (fill_tensors(&call, capsules, op) < 0 || fill_numbers(&call, integers, floats) < 0)
        return NULL;
    ea_status status;
    Py_BEGIN_ALLOW_THREADS status = op->run(&call);
    Py_END_ALLOW_THREADS if (status != EA_OK) return native_raise(call.ctx, status);
    Py_RETURN_NONE;
}

static PyObject *context_digest(PyObject *object, PyObject *capsules)
{
    enum { MAX_TENSORS = 1 << 20 };
    Py_ssize_t n = PyTuple_Check(capsules) ? PyTuple_Size(capsules) : -1;
    if (n < 0 || n > MAX_TENSORS)
        return PyErr_Format(PyExc_TypeError, "digest takes a tuple of DLPack capsules");
    const DLTensor **tensors = PyMem_Malloc(sizeof *tensors * (size_t)(n ? n : 1));
    if (!tensors)
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < n; i++) {
        tensors[i] = PyCapsule_GetPointer(PyTuple_GetItem(capsules, i), "dltensor");
        if (!tensors[i]) {
            PyMem_Free(tensors);
            return NULL;
        }
    }
    ea_context *ctx = ((context_object *)object)->ctx;
    char hex[EA_DIGEST_HEX];
    ea_status status;
    Py_BEGIN_ALLOW_THREADS status = ea_digest_many(ctx, tensors, (int)n, hex);
    Py_END_ALLOW_THREADS PyMem_Free(tensors);
    return status == EA_OK ? PyUnicode_FromString(hex) : native_raise(ctx, status);
}

static PyMethodDef context_methods[] = {
    { "call", context_call, METH_VARARGS, "call(op, tensors, integers=(), floats=())" },
    { "digest", context_digest, METH_O,
      "digest(tensors): SHA-256 of the elements, one after another" },
    { NULL, NULL, 0, NULL },
};

static PyGetSetDef context_properties[] = {
    { "threads", context_threads, NULL, "number of threads", NULL },
    { "isa", context_isa, NULL, "instruction set", NULL },
    { "contract", context_contract, NULL, "bit contract", NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot context_slots[] = {
    { Py_tp_new, context_new },
    { Py_tp_dealloc, context_dealloc },
    { Py_tp_methods, context_methods },
    { Py_tp_getset, context_properties },
    { Py_tp_doc, "Context(threads=0, isa=None, contract='chain', openmp=False); used by one thread at a "
                 "time. openmp: works on the process's OpenMP threads, if it has any." },
    { 0, NULL },
};

static PyType_Spec context_spec = {
    .name = "eadem._native.Context",
    .basicsize = sizeof(context_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = context_slots,
};

/* --- Module --- */

static PyObject *isa_list(void)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list && ea_isa_available(i); i++) {
        PyObject *name = PyUnicode_FromString(ea_isa_available(i));
        if (!name || PyList_Append(list, name) < 0)
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

/* {"matmul": 0, …}: what Context.call takes as its first argument. */
static PyObject *op_index(void)
{
    PyObject *dict = PyDict_New();
    for (int i = 0; i < native_family_count; i++)
        for (int k = 0; dict && k < native_families[i]->count; k++) {
            const char *name = native_families[i]->ops[k].name;
            PyObject *number = PyLong_FromLong(i * FAMILY_SIZE + k);
            if (!number || PyDict_SetItemString(dict, name, number) < 0)
                Py_CLEAR(dict);
            Py_XDECREF(number);
        }
    return dict;
}

static const char *function_name(int i)
{
    return math_name((math_function)i);
}

static const char *point_name(int i)
{
    return ea_point_name((ea_point_function)i);
}

/* {"gelu": 25, …}: the numbers by name that operations take as their integer. */
static PyObject *numbers(int count, const char *(*name)(int))
{
    PyObject *dict = PyDict_New();
    for (int i = 0; dict && i < count; i++) {
        PyObject *number = PyLong_FromLong(i);
        if (!number || PyDict_SetItemString(dict, name(i), number) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(number);
    }
    return dict;
}

/* {"lstm": (2, 4, 7), …}: number, gates and numbers kept of each kind of recurrence. */
static PyObject *recurrences(void)
{
    static const char *const names[EA_RECURRENT_COUNT] = { "tanh", "relu", "lstm", "gru" };
    PyObject *dict = PyDict_New();
    for (int i = 0; dict && i < EA_RECURRENT_COUNT; i++) {
        ea_recurrent_kind kind = (ea_recurrent_kind)i;
        PyObject *sizes =
            Py_BuildValue("(iii)", i, ea_recurrent_gates(kind), ea_recurrent_kept(kind));
        if (!sizes || PyDict_SetItemString(dict, names[i], sizes) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(sizes);
    }
    return dict;
}

/* Adds `value`, whose reference it takes; false when it is NULL or cannot be added. */
static int add(PyObject *module, const char *name, PyObject *value)
{
    int failed = !value || PyObject_SetAttrString(module, name, value) < 0;
    Py_XDECREF(value);
    return !failed;
}

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT, .m_name = "eadem._native", .m_size = -1,
    .m_doc = "Eadem's operations on DLPack capsules; use eadem.ops and eadem.torch instead."
};

PyMODINIT_FUNC PyInit__native(void); /* Python looks it up by name */

PyMODINIT_FUNC PyInit__native(void)
{
    PyObject *module = PyModule_Create(&module_def);
    if (!module)
        return NULL;
    native_error = PyErr_NewExceptionWithDoc(
        "eadem.Error",
        "An operation refused its arguments; the text names the argument and the remedy.",
        PyExc_ValueError, NULL);
    Py_XINCREF(native_error);
    native_context = PyType_FromSpec(&context_spec);
    Py_XINCREF(native_context);
    if (add(module, "Error", native_error) && add(module, "Context", native_context) &&
        add(module, "Trace", native_trace_type()) && add(module, "ops", op_index()) &&
        add(module, "functions", numbers(MATH_FUNCTION_COUNT, function_name)) &&
        add(module, "points", numbers(EA_FN_COUNT, point_name)) &&
        add(module, "recurrences", recurrences()) && add(module, "isas", isa_list()) &&
        add(module, "version", PyUnicode_FromString(ea_version())))
        return module;
    Py_DECREF(module);
    return NULL;
}
