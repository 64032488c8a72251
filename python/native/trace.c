/* trace.c: eadem._native.Trace, the writer of docs/trace.md. */
#include "native.h"

#include "eadem/trace.h"

typedef struct trace_object {
    PyObject_HEAD context_object *context;
    ea_trace *trace; /* NULL when closed */
} trace_object;

static PyObject *trace_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = { "context", "path", "producer", "contract", NULL };
    PyObject *context;
    const char *path, *producer, *contract = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!ss|z", names, native_context, &context, &path,
                                     &producer, &contract))
        return NULL;
    ea_context *ctx = ((context_object *)context)->ctx;
    ea_trace *trace;
    ea_status status = ea_trace_create(ctx, path, producer, contract, &trace);
    if (status != EA_OK)
        return native_raise(ctx, status);
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    trace_object *self = (trace_object *)allocate(type, 0);
    if (!self) {
        ea_trace_close(trace);
        return NULL;
    }
    Py_INCREF(context);
    self->context = (context_object *)context;
    self->trace = trace;
    return (PyObject *)self;
}

static void trace_dealloc(PyObject *object)
{
    trace_object *self = (trace_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    ea_trace_close(self->trace);
    Py_DECREF(self->context);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF(type);
}

static PyObject *trace_tensor(PyObject *object, PyObject *args)
{
    trace_object *self = (trace_object *)object;
    unsigned long long step;
    int role;
    const char *name;
    PyObject *capsule;
    if (!PyArg_ParseTuple(args, "KisO", &step, &role, &name, &capsule))
        return NULL;
    const DLTensor *tensor = PyCapsule_GetPointer(capsule, "dltensor");
    if (!tensor)
        return NULL;
    if (!self->trace)
        return PyErr_Format(native_error, "the trace is closed: open another");
    ea_status status =
        ea_trace_tensor(self->trace, (uint64_t)step, (ea_trace_role)role, name, tensor);
    if (status != EA_OK)
        return native_raise(self->context->ctx, status);
    Py_RETURN_NONE;
}

static PyObject *trace_close(PyObject *object, PyObject *unused)
{
    (void)unused;
    trace_object *self = (trace_object *)object;
    ea_trace *trace = self->trace;
    self->trace = NULL;
    ea_status status = ea_trace_close(trace);
    if (status != EA_OK)
        return native_raise(self->context->ctx, status);
    Py_RETURN_NONE;
}

static PyMethodDef trace_methods[] = {
    { "tensor", trace_tensor, METH_VARARGS, "tensor(step, role, name, capsule)" },
    { "close", trace_close, METH_NOARGS, "close(): ends the file and makes it durable" },
    { NULL, NULL, 0, NULL },
};

static PyType_Slot trace_slots[] = {
    { Py_tp_new, trace_new },
    { Py_tp_dealloc, trace_dealloc },
    { Py_tp_methods, trace_methods },
    { Py_tp_doc, "Trace(context, path, producer, contract=None); see docs/trace.md." },
    { 0, NULL },
};

static PyType_Spec trace_spec = {
    .name = "eadem._native.Trace",
    .basicsize = sizeof(trace_object),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = trace_slots,
};

PyObject *native_trace_type(void)
{
    return PyType_FromSpec(&trace_spec);
}
