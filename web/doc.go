// Package web is the way out: the API under /api/v1, the pages, the wall, and
// the live [Board] they read from. Readings come in through [Board.Accept],
// history through a [Store]; everything else is asked for here and answered
// here.
//
// It is the only room that knows gin. Handlers parse, call one method, and
// write; routes.go is the table of contents.
package web
