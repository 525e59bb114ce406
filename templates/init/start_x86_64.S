/*
 * The entry point and the system call, for x86-64 (System V psABI 3.4.1 "Initial Stack and Register State", A.2.1 "Calling
 * Conventions" of the kernel).
 *
 *              number  1    2    3    4    5    6        result  destroyed
 * C caller     rdi     rsi  rdx  rcx  r8   r9   8(%rsp)  rax     all but rbx rbp rsp r12-r15
 * kernel       rax     rdi  rsi  rdx  r10  r8   r9       rax     rcx r11
 */
	.section .text.start, "ax", @progbits
	.globl _start
	.type _start, @function
_start:
	xorl %ebp, %ebp
	movq %rsp, %rdi
	andq $-16, %rsp
	call start_c
	hlt
	.size _start, . - _start

	.section .text.sys_call, "ax", @progbits
	.globl sys_call
	.type sys_call, @function
sys_call:
	movq %rdi, %rax
	movq %rsi, %rdi
	movq %rdx, %rsi
	movq %rcx, %rdx
	movq %r8, %r10
	movq %r9, %r8
	movq 8(%rsp), %r9
	syscall
	ret
	.size sys_call, . - sys_call

	.section .note.GNU-stack, "", @progbits
