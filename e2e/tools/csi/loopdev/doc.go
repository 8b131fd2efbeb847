// Package loopdev shows disk images as block devices of the node, by the kernel's loop driver.
//
// What is attached is read from the kernel each time, never remembered: a process that crashes and starts again finds its
// devices, and those whose image was removed meanwhile. A device that is detached while something uses it goes away with
// its last user.
package loopdev
