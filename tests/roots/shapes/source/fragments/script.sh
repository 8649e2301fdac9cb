#!/bin/bash
# not shown
echo literal
echo include
# not shown either
