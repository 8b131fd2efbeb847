package torture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// attributes makes files with extended attributes. Access control lists and
// capabilities are left out where the file system or the kernel refuses them.
func (m *maker) attributes() {
	m.file("attributes/file", 10)
	m.attribute("attributes/file", "user.note", []byte("a note"))
	m.attribute("attributes/file", "user.empty", nil)
	m.attribute("attributes/file", "user.binary", []byte{0, 1, 2, 0xff, '\n', 0})
	m.attribute("attributes/file", "user.large", bytes.Repeat([]byte("0123456789"), 100))
	m.attribute("attributes/file", "user.zażółć", []byte("a name that is not ASCII"))
	m.folder("attributes/folder")
	m.attribute("attributes/folder", "user.note", []byte("on a folder"))

	m.file("attributes/acl", 10)
	m.privileged("attributes/acl", "system.posix_acl_access", accessList())
	m.folder("attributes/default-acl")
	m.privileged("attributes/default-acl", "system.posix_acl_default", accessList())
	m.file("attributes/capability", 10)
	m.privileged("attributes/capability", "security.capability", capability())
}

func (m *maker) attribute(name, key string, value []byte) {
	m.do(name, func(path string) error { return unix.Lsetxattr(path, key, value, 0) })
}

// privileged sets an attribute that not every kernel and user may set.
func (m *maker) privileged(name, key string, value []byte) {
	m.do(name, func(path string) error {
		err := unix.Lsetxattr(path, key, value, 0)
		if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) && os.Geteuid() != 0 {
			return nil
		}
		return err
	})
}

// accessList returns a list in the kernel's form: version 2, then tag,
// permissions and id of each entry. User 1000 may read and write.
func accessList() []byte {
	const (
		version            = 2
		user, namedUser    = 0x01, 0x02
		group, mask, other = 0x04, 0x10, 0x20
		none               = 0xffffffff
	)
	list := binary.LittleEndian.AppendUint32(nil, version)
	for _, e := range []struct {
		tag, permissions uint16
		id               uint32
	}{{user, 6, none}, {namedUser, 6, 1000}, {group, 4, none}, {mask, 6, none}, {other, 4, none}} {
		list = binary.LittleEndian.AppendUint16(list, e.tag)
		list = binary.LittleEndian.AppendUint16(list, e.permissions)
		list = binary.LittleEndian.AppendUint32(list, e.id)
	}
	return list
}

// capability returns a set in the kernel's form, revision 2: binding to low
// ports is permitted, and in effect.
func capability() []byte {
	const (
		revision2, effective = 0x02000000, 0x000001
		bindLowPorts         = 1 << 10
	)
	var set []byte
	for _, word := range []uint32{revision2 | effective, bindLowPorts, 0, 0, 0} {
		set = binary.LittleEndian.AppendUint32(set, word)
	}
	return set
}
