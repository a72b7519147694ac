"""What tests of the browser's side are made of: a machine with sound, a network, a Chromium, and looks at its pages."""
