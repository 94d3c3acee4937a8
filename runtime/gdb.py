# What gdb shows of the five structs that everything here is made of.
#
#   gdb -x runtime/gdb.py ...        or, in gdb:  source runtime/gdb.py
#
#   (gdb) print *id                            14dca214c47d4ee6...
#   (gdb) print payload                        "{"type":"typing"}" (17 bytes)
#   (gdb) od-members worker->objects.by_id struct od_object by_id
#   (gdb) od-members object->sockets struct od_socket link
#
# od-members prints what a list or a map holds: the head, the type of a member, and the field of the
# member in which the link lies. CONTRIBUTING.md says how to stop in a worker at all.
import gdb
import gdb.printing

SHOWN_BYTES = 200
MEMBERS_MAX = 10000  # A list that is being changed may have no end.


def text_of(at, size):
    """Bytes as gdb shows a string: what is no letter is escaped, what is long is cut."""
    if size == 0:
        return '""'
    shown = min(size, SHOWN_BYTES)
    try:
        bytes_read = bytes(gdb.selected_inferior().read_memory(int(at), shown))
    except gdb.MemoryError:
        return "unreadable, %d bytes at 0x%x" % (size, int(at))
    text = "".join(chr(b) if 32 <= b < 127 else "\\x%02x" % b for b in bytes_read)
    return '"%s"%s (%d bytes)' % (text, "..." if size > shown else "", size)


def links_of_list(head):
    """Addresses of the links behind a head."""
    start = int(head.address)
    link = head["next"]
    for _ in range(MEMBERS_MAX):
        if int(link) in (start, 0):
            return
        yield int(link)
        link = link["next"]


def links_of_map(table):
    """Addresses of the nodes in all buckets."""
    for i in range(int(table["bucket_count"])):
        node = table["buckets"][i]
        while int(node) != 0:
            yield int(node)
            node = node["next"]


class Slice:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return text_of(self.value["at"], int(self.value["size"]))


class Bytes(Slice):
    def to_string(self):
        return "%s of %d" % (super().to_string(), int(self.value["capacity"]))


class List:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        count = sum(1 for _ in links_of_list(self.value))
        return "list of %d, or a member beside so many" % count if count else "empty list"


class Map:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return "map of %d in %d buckets" % (
            int(self.value["size"]),
            int(self.value["bucket_count"]),
        )


class Id:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        array = self.value["bytes"]
        low, high = array.type.range()
        return "".join("%02x" % int(array[i]) for i in range(low, high + 1))


class Members(gdb.Command):
    """od-members HEAD TYPE FIELD: the members of a list or a map, with their addresses."""

    def __init__(self):
        super().__init__("od-members", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if len(words) < 3:
            raise gdb.GdbError("od-members HEAD TYPE FIELD, like: od-members &list struct od_task link")
        head = gdb.parse_and_eval(words[0])
        kind, field = gdb.lookup_type(" ".join(words[1:-1])), words[-1]
        if head.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
            head = head.dereference()
        offset = next(int(f.bitpos) // 8 for f in kind.fields() if f.name == field)
        is_map = head.type.strip_typedefs().tag == "od_map"
        for address in links_of_map(head) if is_map else links_of_list(head):
            member = gdb.Value(address - offset).cast(kind.pointer())
            shown = member.dereference().format_string(max_depth=1)
            gdb.write("(%s *) 0x%x = %s\n" % (kind, int(member), shown))


printers = gdb.printing.RegexpCollectionPrettyPrinter("open-do")
for name, printer in (
    ("od_slice", Slice),
    ("od_bytes", Bytes),
    ("od_list", List),
    ("od_map", Map),
    ("od_id", Id),
):
    printers.add_printer(name, "^%s$" % name, printer)
gdb.printing.register_pretty_printer(None, printers, replace=True)
Members()
