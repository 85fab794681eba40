const { x } = require("y")
